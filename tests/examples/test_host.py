"""The blog inside of an application that has a database, an engine and tables of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import UUID

from sqlalchemy import Column, Integer, MetaData, Table, Uuid, create_engine, select, text
from weblog.app import PACKAGES
from weblog.domain.author import AddAuthor
from weblog.records import AuthorRecord

from sequent_sa import Secret, Sequent
from tests.acceptance.command_line import CommandLine
from tests.databases import Database

PROJECT = Path(__file__).parents[2] / "examples" / "weblog"

visits = Table("visits", MetaData(), Column("author_id", Uuid, primary_key=True), Column("count", Integer))


def add_author(app: Sequent) -> UUID:
    """Ben."""
    author_id = app.new_uuid()
    app.execute_commands(AddAuthor(aggregate_id=author_id, name="Ben", email="b@b.nl", password=Secret("secret")))
    return author_id


def test_tables_of_the_host_are_joined_with_records(weblog: Sequent) -> None:
    """They stay where the host has them, and one query reads both; so does a plain engine of the host's."""
    author_id = add_author(weblog)
    with weblog.engine.begin() as connection:
        visits.create(connection)
        connection.execute(visits.insert(), {"author_id": author_id, "count": 3})

    with weblog.session() as session:
        query = select(AuthorRecord.name, visits.c.count).join(visits, visits.c.author_id == AuthorRecord.aggregate_id)
        assert [("Ben", 3)] == [tuple(row) for row in session.execute(query)]
    plain = create_engine(weblog.engine.url)
    with plain.connect() as connection:
        assert 3 == connection.scalar(text("SELECT count FROM visits"))
        found = "view_schema.author_records" if plain.dialect.name == "postgresql" else "author_records"
        assert "Ben" == connection.scalar(text(f"SELECT name FROM {found}"))
    plain.dispose()


def test_an_engine_of_the_host_is_used_as_it_is(database: Database) -> None:
    """The blog executes commands on the host's own connections, and closes none of them."""
    app = Sequent(database.engine, packages=PACKAGES)
    app.create_all()
    with database.engine.connect() as connection:
        add_author(app)
        assert 1 == connection.scalar(select(1))
    assert app.engine.pool is database.engine.pool


def test_the_commands_of_the_readme(database: Database) -> None:
    """They make a database whose tables are those of the records, and in which the blog works."""
    commands = CommandLine(PROJECT, DATABASE_URL=database.url)
    for command in ("db create", "db create-view-schema", "migrate online", "migrate offline"):
        commands.succeeds(f"sequent {command}")

    assert "No new upgrade operations detected" in commands.succeeds("alembic check")
    app = Sequent(database.url, packages=PACKAGES)
    add_author(app)
    with app.session() as session:
        assert ["Ben"] == session.scalars(select(AuthorRecord.name)).all()
    app.engine.dispose()


def test_the_domain_needs_no_web_framework() -> None:
    """Finding every handler of the blog imports neither of the front ends."""
    program = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from weblog.app import app; app.parts\n"
        "print(*sorted({'flask', 'fastapi', 'jinja2'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "" == done.stdout.strip()
