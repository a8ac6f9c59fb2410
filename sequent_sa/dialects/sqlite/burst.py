"""A transaction on SQLite: no flights to save, but SQLAlchemy's work for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.dialects.driver_transaction import errors_of, fetch, log_broken, refuse, roll_back, sendable
from sequent_sa.dialects.sqlite.connections import become_writer, begin, commit, hand_over
from sequent_sa.dialects.statement import BoundStatement


class SQLiteTransaction:
    """Begins before the first statement, also one that reads: what it reads cannot change before it writes.

    It begins and commits at the driver, unless something goes through SQLAlchemy, which then ends what was begun.
    """

    def __init__(self, connection: Connection, opening: str = "BEGIN") -> None:
        self._connection = connection
        self._opening = opening
        self._begun = False
        self.refused: int | None = None
        self.committed: bool | None = False

    def begin(self) -> Connection:
        self._begin()
        if not self._connection.in_transaction():
            hand_over(self._connection)
        return self._connection

    def fetch(self, statement: BoundStatement, before: Sequence[BoundStatement] = ()) -> Sequence[Sequence[Any]]:
        self.send(before, commit=False)
        self._begin()
        return fetch(self._connection, statement)

    def send(self, statements: Sequence[BoundStatement], *, commit: bool) -> None:
        if statements:
            self._execute(statements)
        if commit:
            self.refused = None
            self._commit()

    def rollback(self) -> None:
        roll_back(self._connection)
        self._begun = False

    def close(self) -> None:
        self._connection.close()

    def _begin(self) -> None:
        if not self._begun:
            begin(self._connection, self._opening)
            self._begun = True

    def _commit(self) -> None:
        self.committed = None
        try:
            if self._connection.in_transaction():
                self._connection.commit()
            elif self._begun:
                commit(self._connection)
        except DBAPIError:
            self.committed = False
            raise
        self.committed = True
        self._begun = False

    def _execute(self, statements: Sequence[BoundStatement]) -> None:
        self._begin()
        connection = self._connection
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

    def _begin(self) -> None:
        if not self._connection.in_transaction():
            self._connection.begin()

    def _commit(self) -> None:
        self.committed: bool | None = True


class SavepointOnSQLite(PartOfSQLiteTransaction):
    """The same, so that what is written can be undone and the rest of the transaction goes on."""

    def _begin(self) -> None:
        if not self._begun:
            self.lock()
            self._run("SAVEPOINT sequent_sa")
            self._begun = True

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
            self.committed: bool | None = None
            self._run("RELEASE SAVEPOINT sequent_sa")
            self._begun = False
        self.committed = True

    def _run(self, text: str) -> None:
        cursor = self._connection.connection.cursor()
        try:
            cursor.execute(text)
        finally:
            cursor.close()
