"""What loading many rows has in common on every database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Dialect, Table, bindparam, insert
from sqlalchemy.types import TypeEngine

Types = Mapping[str, TypeEngine[Any]]
"""The columns that the rows have, in order, each with the type of its parameters."""

Values = tuple[Any, ...]
Rows = Iterable[Values]


def insert_expressions(connection: Connection, table: Table, types: Types, rows: Rows) -> None:
    """Insert rows with types that put SQL around their parameters, which only SQLAlchemy can do."""
    statement = insert(table).values({name: bindparam(name, type_=type_) for name, type_ in types.items()})
    values = [dict(zip(types, row, strict=True)) for row in rows]
    if values:
        connection.execute(statement, values)


def has_expressions(types: Types) -> bool:
    """Whether one of these types puts SQL around its parameters."""
    return any(getattr(type_, "_has_bind_expression", False) for type_ in types.values())


def processed(dialect: Dialect, types: Types, rows: Rows) -> Rows:
    """Rows with the values that the driver gets for what the projector wrote."""
    processors = [(place, process) for place, process in enumerate(_processors(dialect, types)) if process is not None]
    if not processors:
        return rows

    def process_row(row: Values) -> Values:
        values = list(row)
        for place, process in processors:
            values[place] = process(values[place])
        return tuple(values)

    return map(process_row, rows)


def _processors(dialect: Dialect, types: Types) -> list[Callable[[Any], Any] | None]:
    return [type_.dialect_impl(dialect).bind_processor(dialect) for type_ in types.values()]
