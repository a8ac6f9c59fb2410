"""COPY into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Table

from sequent_sa.dialects.bulk_loading import Rows, Types, has_expressions, insert_expressions, processed
from sequent_sa.dialects.driver_transaction import refuse


def load_rows(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    """Insert many rows, in the connection's transaction."""
    load = insert_expressions if has_expressions(types) else _copy
    load(connection, table, types, rows)


def _copy(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    # As text: with binary the types of all values would have to be those of the columns.
    statement = SQL("COPY {} ({}) FROM STDIN").format(
        Identifier(*_place(connection, table)), SQL(", ").join(map(Identifier, types))
    )
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            write = copy.write_row
            for row in processed(connection.dialect, types, rows):
                write(row)
    except psycopg.Error as error:
        refuse(connection, statement.as_string(driver), error)


def _place(connection: Connection, table: Table) -> Sequence[str]:
    translated: Mapping[str | None, str | None] = connection.get_execution_options().get("schema_translate_map") or {}
    schema = translated.get(table.schema, table.schema)
    return [table.name] if schema is None else [schema, table.name]
