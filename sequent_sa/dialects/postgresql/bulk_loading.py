"""COPY into a table, or INSERT where that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Table, text

from sequent_sa.dialects.bulk_loading import Rows, Types, has_expressions, insert_expressions, processed
from sequent_sa.dialects.driver_transaction import refuse
from sequent_sa.dialects.postgresql.catalog import quote


def load_rows(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    """Insert many rows, in the connection's transaction."""
    load = insert_expressions if has_expressions(types) or _is_view(connection, table) else _copy
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


def _is_view(connection: Connection, table: Table) -> bool:
    # A projector may manage a view; COPY writes into those with an INSTEAD OF trigger only.
    name = ".".join(map(quote, _place(connection, table)))
    return bool(connection.scalar(_KIND, {"name": name}) == "v")


def _place(connection: Connection, table: Table) -> Sequence[str]:
    translated: Mapping[str | None, str | None] = connection.get_execution_options().get("schema_translate_map") or {}
    schema = translated.get(table.schema, table.schema)
    return [table.name] if schema is None else [schema, table.name]


_KIND = text("SELECT CAST(relkind AS text) FROM pg_class WHERE oid = to_regclass(:name)")
