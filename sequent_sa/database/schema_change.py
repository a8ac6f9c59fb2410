"""One change of the schema at a time."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, text

from sequent_sa.dialects import dialect_of
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.tables import VIEW_SCHEMA

# One lock for everything that changes a schema, so that processes which start together do it one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(7352817739121201)")


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
    dialect = dialect_of(engine)
    with dialect.writing(configured(engine)) as connection:
        if dialect.name == "sqlite":
            with _foreign_keys_off(connection), connection.begin():
                yield connection
                _check_foreign_keys(connection)
        else:
            with connection.begin():
                connection.execute(_LOCK)
                yield connection


@contextmanager
def _foreign_keys_off(connection: Connection) -> Generator[None]:
    # Only outside of a transaction, and so on the driver's connection.
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise ConfigurationError(
            f"after the migration a row of {broken[0]} would refer to no row of {broken[2]}: "
            "correct the migration; nothing was changed"
        )


def create_view_schema(engine: Engine, name: str = VIEW_SCHEMA) -> None:
    """Create the schema of the view tables where the database has schemas; harmless when it exists."""
    with migrating(engine) as connection:
        dialect_of(engine).create_schemas(connection, [name])
