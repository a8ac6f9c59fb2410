"""One change of the schema at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from sequent_sa.database.differences import differences_of
from sequent_sa.dialects import dialect_of
from sequent_sa.tables import VIEW_SCHEMA


def configured(engine: Engine) -> Engine:
    """The engine as the framework uses it: itself, when it is an application's."""
    if "schema_translate_map" in engine.get_execution_options():
        return engine
    return dialect_of(engine).configure(engine)


@contextmanager
def migrating(engine: Engine) -> Generator[Connection]:
    """A transaction for changing the schema, which waits until nobody else is at it.

    On SQLite foreign keys are not enforced inside, since a changed table is made anew there; they are checked at the
    end. Raises `ConfigurationError` when rows are left that refer to nothing.
    """
    with (
        dialect_of(engine).writing(configured(engine)) as connection,
        differences_of(engine.dialect.name).changing(connection),
    ):
        yield connection


def create_view_schema(engine: Engine, name: str = VIEW_SCHEMA) -> None:
    """Create the schema of the view tables where the database has schemas; harmless when it exists."""
    with migrating(engine) as connection:
        dialect_of(engine).create_schemas(connection, [name])
