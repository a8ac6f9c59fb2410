"""Where the databases differ: one class each, with the same methods. Nothing else asks which database it is."""

from __future__ import annotations

from sqlalchemy import Engine

from sequent_sa.dialects.dialect import (
    Dialect,
    EventRow,
    Failure,
    FailureKind,
    ShadowTables,
)
from sequent_sa.dialects.driver_transaction import DriverTransaction, PartOfTransaction
from sequent_sa.dialects.partitions import Move, Partition, Partitions
from sequent_sa.dialects.postgresql.dialect import PostgreSQL
from sequent_sa.dialects.sqlite.dialect import SQLite
from sequent_sa.dialects.statement import BoundStatement, Parameters, Statement
from sequent_sa.dialects.streaming import stream_rows
from sequent_sa.exceptions import ConfigurationError

__all__ = [
    "BoundStatement",
    "Dialect",
    "DriverTransaction",
    "EventRow",
    "Failure",
    "FailureKind",
    "Move",
    "Parameters",
    "PartOfTransaction",
    "Partition",
    "Partitions",
    "PostgreSQL",
    "SQLite",
    "ShadowTables",
    "Statement",
    "dialect_of",
    "stream_rows",
]

_SQLITE = SQLite()
_DIALECTS: dict[tuple[str, str], Dialect] = {
    ("postgresql", "psycopg"): PostgreSQL(),
    ("sqlite", "pysqlite"): _SQLITE,
    ("sqlite", "aiosqlite"): _SQLITE,
}


def dialect_of(engine: Engine) -> Dialect:
    """The dialect for an engine. Raises `ConfigurationError` for a database or driver that is not supported."""
    try:
        return _DIALECTS[engine.dialect.name, engine.dialect.driver]
    except KeyError:
        raise ConfigurationError(
            f"{engine.dialect.name}+{engine.dialect.driver} is not supported: use postgresql+psycopg://... or sqlite:///..."
        ) from None
