"""The blog on a fresh database, with its tables and active projectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from sequent_sa import Sequent
from tests.blog import new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.command_line import CommandLine
from tests.integration.view_catalog import run

ROLES = ("sequent_owner", "sequent_reader", "sequent_auditor")


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The blog, ready for commands."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Runs `sequent` in an empty directory."""
    return CommandLine(tmp_path, monkeypatch, capfd)


@pytest.fixture
def postgresql(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    """The blog on PostgreSQL, where `post_records` is still to be made, with roles to give it to."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    with app.engine.begin() as connection:
        for role in ROLES:
            if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
                connection.execute(text(f"CREATE ROLE {role}"))
    run(app.engine, "DROP TABLE view_schema.post_records", "CREATE SCHEMA reporting")
    yield app
    app.engine.dispose()
