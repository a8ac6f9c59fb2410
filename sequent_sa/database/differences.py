"""Where the databases differ for somebody who changes their schema: one class each, with the same methods."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from sqlalchemy import Connection, text

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.tables import SCHEMA, VIEW_SCHEMA

InheritedKeys = set[tuple[str, str]]


class Differences(Protocol):
    """One database."""

    writes_sql: bool
    """Whether a migration can be written as a script of SQL."""

    def schema(self, name: str) -> str | None:
        """Where the tables of a schema are; None where there are no schemas."""
        ...

    def changing(self, connection: Connection) -> AbstractContextManager[None]:
        """A transaction in which the schema is changed by nobody else. Raises `ConfigurationError` for broken keys."""
        ...

    def comparing(self, connection: Connection) -> AbstractContextManager[Connection]:
        """A connection that finds tables under the schemas which the classes name."""
        ...

    def partitions(self, connection: Connection, schema: str) -> tuple[set[str], InheritedKeys]:
        """The partitions in a schema, and the foreign keys (table, name) that exist because of partitions only."""
        ...


class PostgreSQLDifferences:
    """Schemas, partitions, and an advisory lock."""

    writes_sql = True

    def schema(self, name: str) -> str | None:
        return name

    @contextmanager
    def changing(self, connection: Connection) -> Generator[None]:
        with connection.begin():
            connection.execute(_LOCK)
            yield

    @contextmanager
    def comparing(self, connection: Connection) -> Generator[Connection]:
        yield connection

    def partitions(self, connection: Connection, schema: str) -> tuple[set[str], InheritedKeys]:
        tables = set(connection.scalars(_PARTITIONS, {"schema": schema}))
        return tables, {(row[0], row[1]) for row in connection.execute(_INHERITED_KEYS, {"schema": schema})}


class SQLiteDifferences:
    """No schemas; a table is changed by making it anew."""

    writes_sql = False

    def schema(self, name: str) -> str | None:
        return None

    @contextmanager
    def changing(self, connection: Connection) -> Generator[None]:
        # Dropping the old table would delete what refers to it. The pragma works outside of transactions only.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield
                _check_foreign_keys(connection)
        finally:
            driver.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def comparing(self, connection: Connection) -> Generator[Connection]:
        """The file is attached to itself under both names, for reading."""
        driver: Any = connection.connection.driver_connection
        (path,) = driver.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
        if not path:
            raise ConfigurationError("a database in memory cannot be compared: give the URL of a file")
        for schema in (SCHEMA, VIEW_SCHEMA):
            driver.execute(f"ATTACH DATABASE ? AS {schema}", (path,))
        try:
            yield connection.execution_options(schema_translate_map={})
        finally:
            connection.rollback()
            for schema in (SCHEMA, VIEW_SCHEMA):
                driver.execute(f"DETACH DATABASE {schema}")

    def partitions(self, connection: Connection, schema: str) -> tuple[set[str], InheritedKeys]:
        return set(), set()


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise ConfigurationError(
            f"after the migration a row of {broken[0]} would refer to no row of {broken[2]}: "
            "correct the migration; nothing was changed"
        )


# One lock for everything that changes a schema, so that processes which start together do it one after the other.
_LOCK = text("SELECT pg_advisory_xact_lock(7352817739121201)")

_PARTITIONS = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = :schema AND c.relispartition"
)
# A key that refers to a partitioned table has a twin for each partition.
_INHERITED_KEYS = text(
    "SELECT t.relname, k.conname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid "
    "JOIN pg_namespace n ON n.oid = t.relnamespace "
    "WHERE n.nspname = :schema AND k.contype = 'f' AND k.conparentid <> 0"
)

_DIFFERENCES: dict[str, Differences] = {"postgresql": PostgreSQLDifferences(), "sqlite": SQLiteDifferences()}


def differences_of(database: str) -> Differences:
    """What is particular to a database, by SQLAlchemy's name for it. Raises `ConfigurationError` for others."""
    try:
        return _DIFFERENCES[database]
    except KeyError:
        raise ConfigurationError(f"{database} is not supported: use postgresql+psycopg:// or sqlite:///") from None
