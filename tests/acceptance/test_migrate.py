"""`sequent migrate` says where an upgrade stands, what to type next, and what it would do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sequent_sa import Sequent
from sequent_sa.projections.persistors.record_table import record_table
from tests.acceptance.command_line import CommandLine
from tests.acceptance.test_two_releases import project
from tests.databases import Database
from tests.releases import AddNote, IndexRecord, first

__all__ = ["project"]

NEW = "sequent --app tests.releases.changed:app"


@pytest.fixture
def app(project: CommandLine, migrated_database: Database) -> Sequent:
    """The first release, with three notes."""
    app = first.app.on(migrated_database.url)
    for _ in range(3):
        app.execute_commands(AddNote(aggregate_id=app.new_uuid(), by="first"))
    app.engine.dispose()
    return app


def data(project: CommandLine, command: str, status: int = 0) -> list[dict[str, Any]]:
    """What a command prints with `--json`."""
    done = project.run(f"{NEW} {command} --json")
    assert (status, "") == (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def status(project: CommandLine) -> tuple[str | None, str | None]:
    """The state of the replay in progress, and what comes next."""
    done = project.run(f"{NEW} migrate status --json")
    found = json.loads(done.stdout)["status"]
    assert done.returncode == (0 if found["next"] is None else 1)
    return found["replay"] and found["replay"]["state"], found["next"]


PENDING = {"name": "NoteProjector", "version": 2, "active_version": 1, "tables": ["note_records"]}


def test_each_half_says_what_it_would_do(app: Sequent, project: CommandLine) -> None:
    """Nothing is changed by that; what cannot be done is refused as it would be."""
    assert (None, "online") == status(project)
    text = project.succeeds(f"{NEW} migrate online --dry-run").splitlines()
    assert "NoteProjector version 2 would be replayed (version 1 is active): note_records" == text[0]
    assert text[1].startswith("steps: prepare, run, catch up, optimize, catch up; about ")
    (plan,) = data(project, "migrate online --dry-run")
    steps = ["prepare", "run", "catch up", "optimize", "catch up"]
    assert plan["plan"].pop("events") in (1, 3)  # the server only estimates
    expected = {"event_store": None, "projectors": [PENDING], "revisions": [], "steps": steps}
    assert {"plan": expected} == plan
    assert "NoteProjector must be replayed first" in project.fails(f"{NEW} migrate offline --dry-run")
    assert (None, "online") == status(project)


def test_the_whole_way_as_data(app: Sequent, project: CommandLine) -> None:
    """Each command prints progress and reports as objects, and `status` leads from one to the next."""
    project.succeeds(f"{NEW} projectors replay prepare")
    assert ("prepared", "online") == status(project)
    (plan,) = data(project, "migrate online --dry-run")
    assert ["run", "catch up", "optimize", "catch up"] == plan["plan"]["steps"]
    assert "the replay is not ready (prepared)" in project.fails(f"{NEW} migrate offline --dry-run")
    printed = data(project, "migrate online")
    assert {"run", "catch up"} <= {each["progress"]["step"] for each in printed if "progress" in each}
    assert {"report": "ready: `sequent migrate offline` puts it live"} == printed[-1]
    app.execute_commands(AddNote(aggregate_id=app.new_uuid(), by="first"))
    app.engine.dispose()
    assert ("optimized", "offline") == status(project)
    lines = project.run(f"{NEW} migrate status").stdout.splitlines()
    assert "next: sequent migrate offline" == lines[-1]
    assert any(line.startswith("1 events are still to be loaded, the first of ") for line in lines)
    (plan,) = data(project, "migrate offline --dry-run")
    assert (["catch up", "go live"], 1) == (plan["plan"]["steps"], plan["plan"]["events"])
    printed = data(project, "migrate offline")
    assert {"report": "caught up with 0 events; NoteProjector version 2 live"} == printed[-1]
    assert (None, None) == status(project)
    assert "everything is up to date\n" == project.succeeds(f"{NEW} migrate status")
    for half in ("online", "offline"):
        assert "nothing would be done\n" == project.succeeds(f"{NEW} migrate {half} --dry-run")


REVISION = '''"""Add a column."""
import sqlalchemy as sa
from alembic import op
revision = "0001"
down_revision = None

def upgrade() -> None:
    op.add_column("note_records", sa.Column("more", sa.Integer()), schema=SCHEMA)
'''


def test_pending_view_migrations_are_named(app: Sequent, project: CommandLine, migrated_database: Database) -> None:
    """With a replay they would run on the copies; without one, on the tables, by the second half."""
    schema = repr("view_schema" if migrated_database.is_postgresql else None)
    (project.directory / "alembic" / "versions" / "0001.py").write_text(REVISION.replace("SCHEMA", schema))
    online = project.succeeds(f"{NEW} migrate online --dry-run")
    assert "the view migration 0001 (Add a column.) would run on the copies of the tables\n" in online
    old = "sequent --app tests.releases.first:app"
    assert "nothing would be done\n" == project.succeeds(f"{old} migrate online --dry-run")
    pending = project.run(f"{old} migrate status")
    lines = ["the view migration 0001 (Add a column.) is pending", "next: sequent migrate offline"]
    assert (1, lines) == (pending.returncode, pending.stdout.splitlines())
    offline = project.succeeds(f"{old} migrate offline --dry-run")
    assert "the view migration 0001 (Add a column.) would run on the tables\n" == offline
    project.succeeds(f"{old} migrate offline")
    assert "everything is up to date\n" == project.succeeds(f"{old} migrate status")


def test_a_migration_that_nobody_wrote(app: Sequent, project: CommandLine) -> None:
    """It is asked for before anything is loaded, and the replay goes on when it is there."""
    more = "sequent --app tests.releases.extended:app"
    table = record_table(IndexRecord).table
    with app.dialect.writing(app.engine) as connection, connection.begin():
        table.drop(connection)
    line = project.fails(f"{more} migrate online")
    assert "IndexRecord is not what the database has" in line
    assert (
        "write a migration of index_records (`alembic revision --autogenerate`, which compares the records that env"
        in line
    )
    with app.dialect.writing(app.engine) as connection, connection.begin():
        table.create(connection)
    app.engine.dispose()
    project.succeeds(f"{more} migrate online")
    project.succeeds(f"{more} migrate offline")


def test_a_store_that_is_not_there_yet(project: CommandLine, databases: Any) -> None:
    """The first half would make it; everything else says what to type."""
    empty = project.with_environment(DATABASE_URL=databases.create().url)
    found = empty.succeeds(f"{NEW} migrate online --dry-run").splitlines()
    assert "the event store would be created at 0001" == found[0]
    assert "NoteProjector version 2 would be replayed (not active): note_records" == found[1]
    assert "the database has no event store" in empty.fails(f"{NEW} migrate status")
    assert "the database has no event store" in empty.fails(f"{NEW} migrate offline --dry-run")
