"""A transaction on PostgreSQL: what is written goes in one flight, with BEGIN and COMMIT, by libpq's pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.util.concurrency import await_

from sequent_sa.dialects.driver_transaction import Sendable, log_broken, refuse, roll_back, sendable
from sequent_sa.dialects.postgresql.flight import Flight, Landing, Wire
from sequent_sa.dialects.postgresql.statements import CHECK_ISOLATION
from sequent_sa.dialects.statement import BoundStatement
from sequent_sa.exceptions import UnitOfWorkError

_WIRE = "sequent_sa: wire"


class PostgreSQLTransaction:
    """The server commits each flight by itself until `BEGIN` is sent, with the first write.

    What is only read before that needs no transaction: under READ COMMITTED each statement sees what is committed when
    it begins anyway, and what is written later is guarded by locks, versions and the states of projectors.
    """

    _opening: Sequence[str] = ("BEGIN",)
    _ending: Sequence[str] = ("COMMIT",)
    _is_whole = True

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = False
        self._alone = True
        self.refused: int | None = None
        self.committed: bool | None = False

    @classmethod
    def on(cls, engine: Engine) -> PostgreSQLTransaction:
        """A transaction of its own."""
        return cls(engine.connect())

    def begin(self) -> Connection:
        if not self._begun:
            self.send([], commit=False)
        self._alone = False
        return self._connection

    def fetch(self, statement: BoundStatement, before: Sequence[BoundStatement] = ()) -> Sequence[Sequence[Any]]:
        landing = self._fly([*before, statement], begin=bool(before), commit=False)
        result = landing.results[-1]
        codes = [(None, result.ftype(column)) for column in range(result.nfields)]
        return statement.statement.compiled(self._connection).rows(_wire(self._connection).rows(result), codes)

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        if statements or self._begun or not commit:
            self._fly(statements, begin=True, commit=commit)

    def _fly(self, statements: Sequence[BoundStatement], *, begin: bool, commit: bool) -> Landing:
        self._refuse_aborted()
        sending: list[Sendable] = sendable(self._connection, statements)
        if begin and not self._begun:
            sending[:0] = [(-1, text, None) for text in self._open()]
        if commit:
            sending += [(-1, text, None) for text in self._ending]
        repeatable = self._alone and not self._begun
        self._begun = self._begun or begin
        try:
            landing = self._go(sending, commit=commit)
            if landing.forgotten and repeatable:
                roll_back(self._connection)
                landing = self._go(sending, commit=commit)
        except psycopg.Error as error:
            self._refuse(None, error)
        if landing.error is not None:
            self._refuse(sending[landing.failed or 0], landing.error)
        if landing.lost is not None:
            self._lose(landing.lost)
        self._begun = self._begun and not commit
        return landing

    def _go(self, sending: Sequence[Sendable], *, commit: bool) -> Landing:
        if not sending:
            return Landing(())
        flight = Flight(_wire(self._connection), sending, lasting=self._alone)
        try:
            if commit:
                self.committed = None
            return _land(self._connection, flight)
        finally:
            # Whoever interrupts psycopg makes it read what is still to come, if it can.
            if commit and flight.landing is not None:
                self.committed = flight.landing.error is None

    def rollback(self) -> None:
        roll_back(self._connection)
        self._begun = False

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> Iterable[str]:
        return self._opening

    def _refuse_aborted(self) -> None:
        driver: Any = self._connection.connection.driver_connection
        # COMMIT would answer with a ROLLBACK and no error.
        if driver.pgconn.transaction_status == TransactionStatus.INERROR:
            raise UnitOfWorkError("a statement failed in this transaction, so nothing of it can be committed")

    def _lose(self, lost: psycopg.Error) -> None:
        if not (self.committed and self._is_whole):
            self._refuse(None, lost)
        log_broken("after it had committed", lost)
        self._connection.invalidate(lost)

    def _refuse(self, refused: Sendable | None, error: psycopg.Error) -> NoReturn:
        index, text, _ = refused or (-1, None, None)
        self.refused = index if index >= 0 else None
        refuse(self._connection, text, error)


class ReadOnlyPostgreSQLTransaction(PostgreSQLTransaction):
    """Is refused whatever it writes."""

    _opening = ("BEGIN READ ONLY",)


class PartOfPostgreSQLTransaction(PostgreSQLTransaction):
    """Works in the transaction of a connection, which somebody else ends."""

    _opening: Sequence[str] = ()
    _ending: Sequence[str] = ()
    _is_whole = False

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._alone = False

    def _open(self) -> Iterator[str]:
        driver: Any = self._connection.connection.driver_connection
        # Whoever owns the connection has begun a transaction for SQLAlchemy; the driver waits for the first statement.
        if driver.pgconn.transaction_status == TransactionStatus.IDLE:
            yield _begin_as_set(driver)
        yield from self._opening

    def rollback(self) -> None:
        self._begun = False

    def close(self) -> None:
        """Nothing to do: the connection is somebody else's."""

    def lock(self) -> None:
        """Nothing to do: there may be any number of writers."""


class SavepointOnPostgreSQL(PartOfPostgreSQLTransaction):
    """The same, so that what is written can be undone and the rest of the transaction goes on."""

    _opening = ("SAVEPOINT sequent_sa", CHECK_ISOLATION)
    _ending = ("RELEASE SAVEPOINT sequent_sa",)

    def rollback(self) -> None:
        begun, self._begun = self._begun, False
        if not begun or self._connection.invalidated:
            return
        undoing: list[Sendable] = [
            (-1, text, None) for text in ("ROLLBACK TO SAVEPOINT sequent_sa", "RELEASE SAVEPOINT sequent_sa")
        ]
        try:
            landing = _land(self._connection, Flight(_wire(self._connection), undoing, lasting=False))
            if landing.error is not None:
                raise landing.error
        except psycopg.Error as error:
            log_broken("before it could roll back to a savepoint", error)
            self._connection.invalidate()


def _land(connection: Connection, flight: Flight) -> Landing:
    driver: Any = connection.connection.driver_connection
    going = driver.wait(flight.go())
    landing: Landing = await_(going) if connection.dialect.is_async else going
    return landing


def _wire(connection: Connection) -> Wire:
    wire: Wire | None = connection.info.get(_WIRE)
    if wire is None:
        driver: Any = connection.connection.driver_connection
        wire = connection.info[_WIRE] = Wire(driver)
    else:
        wire.keep_up()
    return wire


def _begin_as_set(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> str:
    parts = ["BEGIN"]
    if driver.isolation_level is not None:
        parts.append(f"ISOLATION LEVEL {driver.isolation_level.name.replace('_', ' ')}")
    if driver.read_only is not None:
        parts.append("READ ONLY" if driver.read_only else "READ WRITE")
    if driver.deferrable is not None:
        parts.append("DEFERRABLE" if driver.deferrable else "NOT DEFERRABLE")
    return " ".join(parts)
