"""A transaction on PostgreSQL: what is written goes in one flight, with BEGIN and COMMIT, by libpq's pipeline."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine
from sqlalchemy.util.concurrency import await_

from sequent_sa.dialects.driver_transaction import Sendable, fetch, refuse, roll_back, sendable
from sequent_sa.dialects.postgresql_statements import CHECK_ISOLATION
from sequent_sa.dialects.statement import BoundStatement
from sequent_sa.exceptions import UnitOfWorkError

logger = logging.getLogger(__name__)

_Fetched = tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]
"""Rows, and what the cursor says about their columns."""


class PostgreSQLTransaction:
    """The driver commits each statement by itself (autocommit) until `BEGIN` is sent, with the first write.

    What is only read before that needs no transaction: under READ COMMITTED each statement sees what is committed when
    it begins anyway, and what is written later is guarded by locks, versions and the states of projectors.
    """

    _opening: Sequence[str] = ("BEGIN",)
    _ending: Sequence[str] = ("COMMIT",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = False
        self.refused: int | None = None

    @classmethod
    def on(cls, engine: Engine) -> PostgreSQLTransaction:
        """A transaction of its own."""
        return cls(engine.connect().execution_options(isolation_level="AUTOCOMMIT"))

    def begin(self) -> Connection:
        if not self._begun:
            self.send([], commit=False)
        return self._connection

    def fetch(self, statement: BoundStatement, before: Sequence[BoundStatement] = ()) -> Sequence[Sequence[Any]]:
        if not before:
            self._refuse_aborted()
            return fetch(self._connection, statement)
        rows, description = self._flight([*before, statement], commit=False, fetch=True)
        return statement.statement.compiled(self._connection).rows(rows, description)

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        if statements or self._begun or not commit:
            self._flight(statements, commit=commit)

    def _flight(self, statements: Sequence[BoundStatement], *, commit: bool, fetch: bool = False) -> _Fetched:
        self._refuse_aborted()
        sending: list[Sendable] = sendable(self._connection, statements)
        if not self._begun:
            sending[:0] = [(-1, text, None) for text in self._opening]
        if commit:
            sending += [(-1, text, None) for text in self._ending]
        if not sending:
            return (), ()
        done: list[Any] = []
        fetched: _Fetched = ((), ())
        self._begun = True
        try:
            fetched = _pipeline(self._connection, sending, done, fetch=fetch)
        except psycopg.Error as error:
            self._refuse(sending, done, error)
        self._begun = not commit
        return fetched

    def rollback(self) -> None:
        roll_back(self._connection)
        self._begun = False

    def close(self) -> None:
        self._connection.close()

    def _refuse_aborted(self) -> None:
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection | psycopg.AsyncConnection)
        # COMMIT would answer with a ROLLBACK and no error.
        if driver.info.transaction_status == TransactionStatus.INERROR:
            raise UnitOfWorkError("a statement failed in this transaction, so nothing of it can be committed")

    def _refuse(self, sending: Sequence[Sendable], done: Sequence[Any], error: psycopg.Error) -> None:
        # The first that has no result is the one that failed; those behind it were skipped by the server.
        failed = next((number for number, cursor in enumerate(done) if cursor.pgresult is None), len(done) - 1)
        index, text, _ = sending[failed]
        self.refused = index if index >= 0 else None
        refuse(self._connection, text, error)


class ReadOnlyPostgreSQLTransaction(PostgreSQLTransaction):
    """Is refused whatever it writes."""

    _opening = ("BEGIN READ ONLY",)


class PartOfPostgreSQLTransaction(PostgreSQLTransaction):
    """Works in the transaction of a connection, which somebody else ends."""

    _opening: Sequence[str] = ()
    _ending: Sequence[str] = ()

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
            _pipeline(self._connection, undoing, [], fetch=False)
        except psycopg.Error:
            logger.warning("the connection broke before it could roll back to a savepoint", exc_info=True)
            self._connection.invalidate()


def _is_asynchronous(driver: object) -> bool:
    return isinstance(driver, psycopg.AsyncConnection)


def _pipeline(connection: Connection, sending: Sequence[Sendable], done: list[Any], *, fetch: bool) -> _Fetched:
    driver: Any = connection.connection.driver_connection
    if _is_asynchronous(driver):
        return await_(_send_async(driver, sending, done, fetch=fetch))
    return _send(driver, sending, done, fetch=fetch)


def _send(driver: psycopg.Connection[Any], sending: Sequence[Sendable], done: list[Any], *, fetch: bool) -> _Fetched:
    with driver.pipeline() if psycopg.Pipeline.is_supported() else nullcontext():
        for _, text, values in sending:
            done.append(driver.cursor())
            done[-1].execute(text, values)
    return (done[-1].fetchall(), done[-1].description) if fetch else ((), ())


async def _send_async(
    driver: psycopg.AsyncConnection[Any], sending: Sequence[Sendable], done: list[Any], *, fetch: bool
) -> _Fetched:
    async with driver.pipeline() if psycopg.AsyncPipeline.is_supported() else nullcontext():
        for _, text, values in sending:
            done.append(driver.cursor())
            await done[-1].execute(text, values)
    return (await done[-1].fetchall(), done[-1].description) if fetch else ((), ())
