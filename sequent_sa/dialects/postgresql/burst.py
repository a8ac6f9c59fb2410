"""A transaction on PostgreSQL: what is written goes in one flight, with BEGIN and COMMIT, by libpq's pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.util.concurrency import await_

from sequent_sa.dialects.driver_transaction import Sendable, refuse, roll_back, sendable
from sequent_sa.dialects.postgresql.flight import Flight, Landing, PreparedStatements
from sequent_sa.dialects.postgresql.statements import CHECK_ISOLATION
from sequent_sa.dialects.statement import BoundStatement
from sequent_sa.exceptions import UnitOfWorkError

logger = logging.getLogger(__name__)

_PREPARED = "sequent_sa: prepared statements"


class PostgreSQLTransaction:
    """The server commits each flight by itself until `BEGIN` is sent, with the first write.

    What is only read before that needs no transaction: under READ COMMITTED each statement sees what is committed when
    it begins anyway, and what is written later is guarded by locks, versions and the states of projectors.
    """

    _opening: Sequence[str] = ("BEGIN",)
    _ending: Sequence[str] = ("COMMIT",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = False
        self._alone = True
        self.refused: int | None = None

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
        flight, landing = self._fly([*before, statement], begin=bool(before), commit=False)
        result = landing.results[-1]
        codes = [(None, result.ftype(column)) for column in range(result.nfields)]
        return statement.statement.compiled(self._connection).rows(flight.rows(result), codes)

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        if statements or self._begun or not commit:
            self._fly(statements, begin=True, commit=commit)

    def _fly(self, statements: Sequence[BoundStatement], *, begin: bool, commit: bool) -> tuple[Flight, Landing]:
        self._refuse_aborted()
        sending: list[Sendable] = sendable(self._connection, statements)
        if begin and not self._begun:
            sending[:0] = [(-1, text, None) for text in self._open()]
        if commit:
            sending += [(-1, text, None) for text in self._ending]
        repeatable = self._alone and not self._begun
        self._begun = self._begun or begin
        try:
            flight, landing = _fly(self._connection, sending, alone=self._alone)
            if landing.forgotten and repeatable:
                roll_back(self._connection)
                flight, landing = _fly(self._connection, sending, alone=self._alone)
        except psycopg.Error as error:
            self._refuse(None, error)
        if landing.error is not None:
            self._refuse(sending[landing.failed or 0], landing.error)
        self._begun = self._begun and not commit
        return flight, landing

    def rollback(self) -> None:
        roll_back(self._connection)
        self._begun = False

    def close(self) -> None:
        self._connection.close()

    def _open(self) -> Iterable[str]:
        return self._opening

    def _refuse_aborted(self) -> None:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection | psycopg.AsyncConnection)
        # COMMIT would answer with a ROLLBACK and no error.
        if driver.pgconn.transaction_status == TransactionStatus.INERROR:
            raise UnitOfWorkError("a statement failed in this transaction, so nothing of it can be committed")

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
            _, landing = _fly(self._connection, undoing, alone=False)
            if landing.error is not None:
                raise landing.error
        except psycopg.Error:
            logger.warning("the connection broke before it could roll back to a savepoint", exc_info=True)
            self._connection.invalidate()


def _fly(connection: Connection, sending: Sequence[Sendable], *, alone: bool) -> tuple[Flight, Landing]:
    driver: Any = connection.connection.driver_connection
    prepared: PreparedStatements = connection.info.setdefault(_PREPARED, PreparedStatements())
    flight = Flight(driver, prepared, sending, lasting=alone)
    if not sending:
        return flight, Landing(())
    return flight, await_(driver.wait(flight.go())) if _is_asynchronous(driver) else driver.wait(flight.go())


def _begin_as_set(driver: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> str:
    parts = ["BEGIN"]
    if driver.isolation_level is not None:
        parts.append(f"ISOLATION LEVEL {driver.isolation_level.name.replace('_', ' ')}")
    if driver.read_only is not None:
        parts.append("READ ONLY" if driver.read_only else "READ WRITE")
    if driver.deferrable is not None:
        parts.append("DEFERRABLE" if driver.deferrable else "NOT DEFERRABLE")
    return " ".join(parts)


def _is_asynchronous(driver: object) -> bool:
    return isinstance(driver, psycopg.AsyncConnection)
