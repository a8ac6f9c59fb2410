"""A transaction on SQLite: no flights to save, but SQLAlchemy's work for each statement."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from sequent_sa.dialects.driver_transaction import errors_of, fetch, refuse, roll_back, sendable
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
        if commit and self._connection.in_transaction():
            self.refused = None
            self._connection.commit()

    def rollback(self) -> None:
        roll_back(self._connection)

    def close(self) -> None:
        self._connection.close()

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
