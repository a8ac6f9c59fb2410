"""Databases for tests. Every test that asks for one runs on SQLite and on PostgreSQL.

`database`                an empty database
`migrated_database`       a database with the event store's schema
`databases`               makes more of either: `databases.create()`, `databases.create_migrated()`
`postgresql_databases`    the same for tests about PostgreSQL only
`sqlite_databases`        the same for tests about SQLite only
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.databases import Database, Databases, PostgreSQLDatabases, PostgreSQLServer, SQLiteDatabases


def _migrate(engine: Engine) -> None:
    from sequent_sa.database import upgrade_event_store  # noqa: PLC0415 - most tests need no Alembic

    upgrade_event_store(engine)


@pytest.fixture(scope="session")
def _sqlite(tmp_path_factory: pytest.TempPathFactory) -> SQLiteDatabases:
    return SQLiteDatabases(tmp_path_factory.mktemp("databases"), _migrate)


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[PostgreSQLDatabases]:
    server = PostgreSQLServer.start()
    try:
        databases = PostgreSQLDatabases(server.url, _migrate)
        yield databases
        databases.close()
    finally:
        server.stop()


@pytest.fixture
def sqlite_databases(_sqlite: SQLiteDatabases) -> Iterator[SQLiteDatabases]:
    """Makes SQLite databases for one test."""
    yield _sqlite
    _sqlite.drop_all()


@pytest.fixture
def postgresql_databases(_postgresql: PostgreSQLDatabases) -> Iterator[PostgreSQLDatabases]:
    """Makes PostgreSQL databases for one test."""
    yield _postgresql
    _postgresql.drop_all()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes databases for one test; the test runs once for each kind."""
    found: Databases = request.getfixturevalue(f"{request.param}_databases")
    return found


@pytest.fixture
def database(databases: Databases) -> Database:
    """An empty database."""
    return databases.create()


@pytest.fixture
def migrated_database(databases: Databases) -> Database:
    """A database with the event store's schema and no rows."""
    return databases.create_migrated()
