"""Many rows through one prepared statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table

from sequent_sa.dialects.bulk_loading import Rows, Types, Values, has_expressions, insert_expressions, processed
from sequent_sa.dialects.driver_transaction import errors_of, refuse


def load_rows(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    """Insert many rows, in the connection's transaction."""
    load = insert_expressions if has_expressions(types) else _insert
    load(connection, table, types, rows)


def _insert(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    quote = connection.dialect.identifier_preparer.quote
    statement = (
        f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, types))}) VALUES ({', '.join('?' * len(types))})"
    )
    seen: Any = _Last(processed(connection.dialect, types, rows))
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(statement, seen)
    except errors_of(connection) as error:
        key = [column.name for column in table.primary_key if column.name in types]
        values = [dict(zip(types, seen.last, strict=False)).get(name) for name in key]
        error.args = (f"{error}: ({', '.join(key)}) = ({', '.join(map(str, values))})",)
        refuse(connection, statement, error)
    finally:
        cursor.close()


class _Last(Iterator[Values]):
    """Remembers the row that was given last: the one that the database refused."""

    def __init__(self, rows: Rows) -> None:
        self._rows = iter(rows)
        self.last: Values = ()

    def __next__(self) -> Values:
        self.last = next(self._rows)
        return self.last
