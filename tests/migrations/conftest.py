"""What the tests of the schema share."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from sequent_sa.dialects import dialect_of
from tests.databases import Database
from tests.migrations.application import Application
from tests.migrations.command_line import Run, run_in_checkout


@pytest.fixture
def store(migrated_database: Database) -> Engine:
    """An application's engine on a database with an empty event store."""
    engine = migrated_database.engine
    return dialect_of(engine).configure(engine)


@pytest.fixture
def alembic() -> Run:
    """Runs `alembic` in the checkout, as a developer of the event store's schema does."""
    return run_in_checkout


@pytest.fixture
def application(tmp_path: Path, database: Database) -> Application:
    """An application whose database is empty and whose history has no revision yet."""
    return Application(tmp_path / "application", database)


@pytest.fixture
def posts(application: Application) -> Application:
    """An application whose history was written by hand; its one revision has not run yet."""
    application.add(
        """
op.create_table("author_records", sa.Column("id", sa.Integer, primary_key=True), schema="view_schema")
op.create_table(
    "post_records",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("author_id", sa.Integer, sa.ForeignKey("view_schema.author_records.id", name="post_author")),
    sa.Column("title", sa.String),
    sa.Column("draft", sa.Boolean),
    schema="view_schema",
)
"""
    )
    return application
