"""What the tables of a projector are, to find out that they changed and its version did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, DefaultClause, Dialect, Enum
from sqlalchemy.types import NullType

from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.projections.projector import Projector

Definitions = Mapping[str, Mapping[str, str]]
"""The columns of each table, by name, as text."""


def table_definitions(projector: type[Projector], dialect: Dialect) -> Definitions:
    """The tables as this code has them: what decides which rows there can be, and what the database puts into them.

    Indexes, constraints between rows, comments and the order of columns are not in it: they change no row, so that a
    migration of its own can change them without a replay.
    """
    tables = [record_table(record).table for record in projector.managed_tables or ()]
    return {table.name: {column.name: _text(column, dialect) for column in table.columns} for table in tables}


def changes(before: Definitions, now: Definitions) -> Sequence[str]:
    """How definitions differ, in words; nothing when they do not."""
    found = [f"{table} is new" for table in now if table not in before]
    found += [f"{table} is gone" for table in before if table not in now]
    for table in (each for each in now if each in before):
        old, new = before[table], now[table]
        found += [f"{table}.{name} is new" for name in new if name not in old]
        found += [f"{table}.{name} is gone" for name in old if name not in new]
        common = [name for name in new if name in old and new[name] != old[name]]
        found += [f"{table}.{name} is {new[name]}, and was {old[name]}" for name in common]
    return sorted(found)


def _text(column: Column[object], dialect: Dialect) -> str:
    parts = ["unknown" if isinstance(column.type, NullType) else column.type.compile(dialect)]
    if isinstance(column.type, Enum):
        parts.append(f"({', '.join(column.type.enums)})")
    if column.primary_key:
        parts.append("PRIMARY KEY")
    elif not column.nullable:
        parts.append("NOT NULL")
    if column.computed is not None:
        parts.append(f"GENERATED ({column.computed.sqltext})")
    elif column.identity is not None:
        parts.append("IDENTITY")
    elif column.server_default is not None:
        known = isinstance(column.server_default, DefaultClause)
        parts.append(f"DEFAULT {column.server_default.arg}" if known else "DEFAULT")  # type: ignore[attr-defined]
    return " ".join(parts)
