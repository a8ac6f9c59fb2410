"""A transaction on SQLite: no flights to save, but SQLAlchemy's work for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from sequent_sa.dialects.driver_transaction import errors_of, fetch, log_broken, refuse, roll_back, sendable
from sequent_sa.dialects.sqlite.connections import become_writer
from sequent_sa.dialects.statement import BoundStatement


class SQLiteTransaction:
    """Begins before the first statement, also one that reads: what it reads cannot change before it writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.refused: int | None = None

    def begin(self) -> Connection:
        if not self._connection.in_transaction():
            self._connection.begin()
        return self._connection

    def fetch(self, statement: BoundStatement, before: Sequence[BoundStatement] = ()) -> Sequence[Sequence[Any]]:
        self.send(before, commit=False)
        return fetch(self.begin(), statement)

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        if statements:
            self._execute(statements)
        if commit:
            self.refused = None
            self._commit()

    def rollback(self) -> None:
        roll_back(self._connection)

    def close(self) -> None:
        self._connection.close()

    def _commit(self) -> None:
        if self._connection.in_transaction():
            self._connection.commit()

    def _execute(self, statements: Sequence[BoundStatement]) -> None:
        connection = self.begin()
        cursor = connection.connection.cursor()
        index, text = 0, ""
        try:
            for (index, text), group in groupby(sendable(connection, statements), key=itemgetter(0, 1)):  # noqa: B007 - for the error
                values = [parameters for _, _, parameters in group]
                if len(values) == 1:
                    cursor.execute(text, values[0])
                else:
                    cursor.executemany(text, values)
        except errors_of(connection) as error:
            self.refused = index
            refuse(connection, text, error)
        finally:
            cursor.close()


class PartOfSQLiteTransaction(SQLiteTransaction):
    """Works in the transaction of a connection, which somebody else ends."""

    def rollback(self) -> None:
        """Nothing to do: somebody else does it."""

    def close(self) -> None:
        """Nothing to do: the connection is somebody else's."""

    def lock(self) -> None:
        """Become the one who writes, for the rest of the transaction."""
        self.refused: int | None = None
        become_writer(self._connection)

    def _commit(self) -> None:
        """Nothing to do: somebody else does it."""


class SavepointOnSQLite(PartOfSQLiteTransaction):
    """The same, so that what is written can be undone and the rest of the transaction goes on."""

    _begun = False

    def begin(self) -> Connection:
        if not self._begun:
            self.lock()
            self._run("SAVEPOINT sequent_sa")
            self._begun = True
        return self._connection

    def rollback(self) -> None:
        if self._begun:
            try:
                self._run("ROLLBACK TO SAVEPOINT sequent_sa")
                self._run("RELEASE SAVEPOINT sequent_sa")
            except errors_of(self._connection) as error:
                log_broken("before it could roll back to a savepoint", error)
                self._connection.invalidate()
        self._begun = False

    def _commit(self) -> None:
        if self._begun:
            self._run("RELEASE SAVEPOINT sequent_sa")
            self._begun = False

    def _run(self, text: str) -> None:
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(text)
        finally:
            cursor.close()
