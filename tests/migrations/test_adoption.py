"""A database that Sequent 9 made and filled is taken over: loaded, appended to, replayed and audited."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from sequent_sa import AggregateKeyNotUnique, OptimisticLockingError, Sequent, UnknownActiveProjector
from sequent_sa.audit import CommandRecord, EventRecord
from sequent_sa.database import adopt_event_store, check_event_store
from sequent_sa.event_store.positions import EventPosition
from sequent_sa.exceptions import DatabaseNotReady
from tests.acceptance.command_line import CommandLine
from tests.databases import Database, PostgreSQLDatabases
from tests.migrations.catalogs import catalog
from tests.migrations.command_line import CHECKOUT
from tests.migrations.sequent9 import IMPLEMENTATIONS, Loaded, Sequent9
from tests.ruby_blog import (
    AddPost,
    Author,
    Post,
    PostAdded,
    PostRenamed,
    Reader,
    RegisterReader,
    RenamePost,
    TitleProjector,
    new_app,
)

POST = UUID("3e1d7c2a-0d6c-4f5e-9d2b-1c7a5e9f0a11")
OTHER_POST = UUID("a4c1b0de-5b3e-4f3b-8a55-64b0f5a0c922")
READER = UUID("5f0c6e52-7a0e-4b7b-bd5c-0a3f0b7f2c33")
USER = UUID("0b8d5a64-3f5c-4d0e-a9c6-2d6a4b1e8f44")
MOMENT = "2026-01-02T03:04:05.678Z"

ADDED = {
    "title": "Hi",
    "kind": "final",
    "price": "12.50",
    "day": "2026-01-31",
    "published_at": "2026-01-02T04:04:05.123+01:00",
    "author": {"name": "Ben", "email": None},
    "tags": ["a", "b"],
}
"""Attributes as Sequent writes them: numbers with fractions as text, three digits of a second, nulls."""


def command(name: str, aggregate_id: UUID, cause: tuple[UUID, int] | None = None, **attributes: object) -> Any:
    """A command as Sequent hands it to its SQL."""
    header: dict[str, object] = {"aggregate_id": str(aggregate_id), "user_id": str(USER), "created_at": MOMENT}
    header |= {"event_aggregate_id": cause and str(cause[0]), "event_sequence_number": cause and cause[1]}
    return {"command_type": name, "created_at": MOMENT, "command_json": {**header, **attributes}}


def stream(name: str, aggregate_id: UUID, *events: Any, **unique_keys: object) -> Any:
    """An aggregate with events, as Sequent hands it to its SQL."""
    values = {"aggregate_type": name, "aggregate_id": str(aggregate_id), "events_partition_key": None}
    return ({**values, "snapshot_outdated_at": None, "snapshot_version": None, "unique_keys": unique_keys}, events)


def event(name: str, aggregate_id: UUID, number: int, **attributes: object) -> Any:
    """An event as Sequent hands it to its SQL."""
    header = {"aggregate_id": str(aggregate_id), "sequence_number": number, "created_at": MOMENT}
    return {"event_type": name, "created_at": MOMENT, "event_json": {**header, **attributes}}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def sequent9(request: pytest.FixtureRequest, postgresql_databases: PostgreSQLDatabases) -> Sequent9:
    """The blog's database: a post, a reader that a workflow registered because of it, a snapshot, a projector."""
    made = IMPLEMENTATIONS[request.param](postgresql_databases)
    with made.engine.begin() as connection:
        added = event("Blog::PostAdded", POST, 1, **ADDED)
        made.store_events(
            connection,
            command("Blog::AddPost", POST, title="Hi"),
            [stream("Blog::Post", POST, added, title={"title": "hi"})],
        )
        password = {"password": {"value": "$2a$12$abcdefghijklmnopqrstuv"}}
        made.store_events(
            connection,
            command("Blog::RegisterReader", READER, (POST, 1), **password),
            [stream("Blog::Reader", READER, event("Blog::ReaderRegistered", READER, 1))],
        )
        rename(made, connection, POST, 2, "Hello")
        made.store_snapshot(connection, RUBY_SNAPSHOT)
        connection.execute(text("UPDATE sequent_schema.events SET xact_id = NULL WHERE sequence_number = 1"))
        # As after a dump was restored into this cluster, whose own transaction ids are far from there.
        connection.execute(text("UPDATE sequent_schema.events SET xact_id = 10^12 WHERE sequence_number = 2"))
        connection.execute(
            text("INSERT INTO sequent_schema.projector_states (name, active_version) VALUES ('Blog::PostProjector', 1)")
        )
        connection.execute(
            text(
                "INSERT INTO sequent_schema.replay_states (state, projectors) VALUES ('live', '{Blog::PostProjector}')"
            )
        )
    return made


RUBY_SNAPSHOT = {
    "aggregate_id": str(POST),
    "snapshot_version": 1,
    "sequence_number": 3,
    "created_at": MOMENT,
    "snapshot_type": "Sequent::Core::SnapshotEvent",
    "snapshot_json": {"aggregate_id": str(POST), "sequence_number": 3, "snapshot_version": 1, "data": "BAhvOg=="},
}


def rename(sequent9: Sequent9, connection: Connection, post_id: UUID, number: int, title: str) -> None:
    """The other application renames a post."""
    renamed = stream(
        "Blog::Post", post_id, event("Blog::PostRenamed", post_id, number, title=title), title={"title": title.lower()}
    )
    sequent9.store_events(connection, command("Blog::RenamePost", post_id, title=title), [renamed])


@pytest.fixture
def app(sequent9: Sequent9) -> Iterator[Sequent]:
    """The application that goes on with the database, whose Ruby projectors are switched off."""
    app = new_app(sequent9.url)
    adopt_event_store(app.engine)
    with app.engine.begin() as connection:
        connection.execute(text("UPDATE sequent_schema.projector_states SET active_version = NULL"))
    yield app
    app.engine.dispose()


def test_nothing_of_ours_is_missing_then(sequent9: Sequent9, postgresql_databases: PostgreSQLDatabases) -> None:
    """Tables, columns, keys, indexes, views and triggers are those of a new store; what Sequent has besides stays."""
    with sequent9.engine.connect() as connection:
        functions = set(connection.scalars(_FUNCTIONS))
    for _ in range(2):
        adopt_event_store(sequent9.engine)
    check_event_store(sequent9.engine)
    expected, actual = catalog(postgresql_databases.create_migrated().engine), catalog(sequent9.engine)
    missing = {
        what: [row for row in rows if row not in actual[what] and "not_null" not in repr(row)]
        for what, rows in expected.items()
    }
    # The same condition was written in other words.
    missing["constraints"] = [row for row in missing["constraints"] if "operation_check" not in repr(row)]
    assert {what: [] for what in expected} == missing
    with sequent9.engine.connect() as connection:
        assert functions <= set(connection.scalars(_FUNCTIONS))
        assert "20260610094300" in set(connection.scalars(_MIGRATIONS))


_FUNCTIONS = text("SELECT proname FROM pg_proc WHERE pronamespace = 'sequent_schema'::regnamespace")
_MIGRATIONS = text("SELECT version FROM public.schema_migrations")


def test_aggregates_are_loaded(app: Sequent) -> None:
    """Types with `::`, each kind of attribute, and a snapshot of our version that only Ruby can read."""
    post = app.repository.load_aggregate(POST, Post)
    added = PostAdded(
        aggregate_id=POST,
        sequence_number=1,
        title="Hi",
        kind="final",
        price=Decimal("12.50"),
        day=date(2026, 1, 31),
        published_at=datetime(2026, 1, 2, 3, 4, 5, 123000, UTC),
        author=Author(name="Ben"),
        tags=["a", "b"],
    )
    assert ("Hello", 2) == (post.title, post.version)
    assert added == app.event_log.load_event(POST, 1)
    assert datetime(2026, 1, 2, 3, 4, 5, 678000, UTC) == post.created_at
    found = app.repository.find_aggregate_by_unique_key("title", {"title": "hello"}, Post)
    assert found is not None
    assert POST == found.aggregate_id
    assert isinstance(app.repository.load_aggregate(READER), Reader)


def test_both_append_to_one_aggregate(app: Sequent, sequent9: Sequent9) -> None:
    """Each reads what the other stored, versions and unique keys hold for both."""
    app.execute_commands(RenamePost(aggregate_id=POST, title="Ours"), AddPost(aggregate_id=OTHER_POST, title="New"))
    with sequent9.engine.begin() as connection:
        rename(sequent9, connection, POST, 4, "Theirs")
        loaded = sequent9.load_events(connection, OTHER_POST, {"Blog::Post": 2})
        ours = sequent9.load_event(connection, POST, 3)
    assert [("Blog::Post", "Y26", 1, "Blog::PostAdded")] == [row[:4] for row in loaded]
    data = dict(loaded[0].json)
    assert isinstance(datetime.fromisoformat(data.pop("created_at")), datetime)
    unset: dict[str, object] = {"price": None, "day": None, "published_at": None, "author": None, "tags": []}
    expected = {"aggregate_id": str(OTHER_POST), "sequence_number": 1, "title": "New", "kind": "draft", **unset}
    assert expected == data
    assert ours is not None
    assert ("Blog::Post", "", 3, "Blog::PostRenamed", "Ours") == (*ours[:4], ours.json["title"])

    assert ("Theirs", 4) == (app.repository.load_aggregate(POST, Post).title, 4)
    with pytest.raises(AggregateKeyNotUnique):
        app.execute_commands(RenamePost(aggregate_id=OTHER_POST, title="THEIRS"))
    with pytest.raises(OptimisticLockingError):
        _rename_too_late(app, sequent9)


def _rename_too_late(app: Sequent, sequent9: Sequent9) -> None:
    """Rename a post that the other application renames meanwhile."""
    with app.unit_of_work():
        app.repository.load_aggregate(POST, Post)
        with sequent9.engine.begin() as connection:
            rename(sequent9, connection, POST, 5, "First")
        app.execute_commands(RenamePost(aggregate_id=POST, title="Second"))


def test_a_snapshot_of_ours_stands_beside_theirs(app: Sequent, sequent9: Sequent9) -> None:
    """Each side loads by its own snapshots, when their versions differ; ours replaces none of theirs."""
    for title in ("a", "b"):
        app.execute_commands(RenamePost(aggregate_id=POST, title=title))
    assert 5 == app.snapshots.take_one(POST).sequence_number
    app.execute_commands(RenamePost(aggregate_id=POST, title="c"))
    with app.engine.connect() as connection:
        kept = connection.execute(
            text("SELECT snapshot_type, sequence_number FROM sequent_schema.snapshot_records ORDER BY 2")
        )
        assert [("Sequent::Core::SnapshotEvent", 3), ("sequent_sa.Snapshot", 5)] == [tuple(row) for row in kept]
    assert ("c", 5) == (app.repository.load_aggregate(POST, Post).title, app.repository.load_aggregate(POST).version)
    with sequent9.engine.connect() as connection:
        theirs: list[Loaded] = sequent9.load_events(connection, POST, {"Blog::Post": 2})
    assert [1, 2, 3, 4, 5] == [row.number for row in theirs]


def test_the_audit_trail_goes_across(app: Sequent) -> None:
    """Parents, children and origins, of what both stored; commands and events are rebuilt."""
    app.execute_commands(RenamePost(aggregate_id=POST, title="Ours", user_id=USER))
    with app.session() as session:
        registered = session.get_one(EventRecord, (READER, 1))
        assert ("Blog::RegisterReader", "Blog::AddPost") == (
            registered.parent.command_type,
            registered.origin.command_type,
        )
        assert [(POST, 1)] == [(each.aggregate_id, each.sequence_number) for each in registered.origin.children]
        rebuilt = registered.parent.command(app.type_names)
        assert isinstance(rebuilt, RegisterReader)
        assert "$2a$12$abcdefghijklmnopqrstuv" == rebuilt.password.hashed_value
        assert (READER, USER, POST, 1) == (
            rebuilt.aggregate_id,
            rebuilt.user_id,
            rebuilt.event_aggregate_id,
            rebuilt.event_sequence_number,
        )
        renamed = session.get_one(EventRecord, (POST, 3))
        assert PostRenamed(aggregate_id=POST, sequence_number=3, title="Ours") == renamed.event(app.type_names)
        assert USER == session.get_one(CommandRecord, renamed.command_record_id).user_id


def test_every_event_is_read_once(app: Sequent, sequent9: Sequent9) -> None:
    """Rows without transaction id, and with one of another cluster, are there before everything that comes."""
    first = app.event_log.read_all(limit=2)
    second = app.event_log.read_all(first.position, limit=2)
    keys = [(each.aggregate_id, each.sequence_number) for each in (*first.events, *second.events)]
    assert [(POST, 1), (READER, 1), (POST, 2)] == keys
    app.execute_commands(RenamePost(aggregate_id=POST, title="Ours"))
    with sequent9.engine.begin() as connection:
        rename(sequent9, connection, POST, 4, "Theirs")
    third = app.event_log.read_all(EventPosition.parse(str(second.position)))
    assert [3, 4] == [each.sequence_number for each in third.events]
    assert [] == app.event_log.read_all(third.position).events


def test_whoever_is_writing_ends_first(sequent9: Sequent9) -> None:
    """Events that are not committed when the store is taken over are waited for, and read once."""
    app = new_app(sequent9.url)
    taking_over = threading.Thread(target=adopt_event_store, args=(app.engine,))
    with sequent9.engine.begin() as connection:
        rename(sequent9, connection, POST, 3, "Late")
        taking_over.start()
        with sequent9.engine.connect() as looking:
            _wait_until_locked(looking)
    taking_over.join(60)
    assert not taking_over.is_alive()
    assert [1, 1, 2, 3] == [each.sequence_number for each in app.event_log.read_all().events]
    app.engine.dispose()


def _wait_until_locked(connection: Connection) -> None:
    """Until somebody waits for the table of commands."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sequent_schema.commands'::regclass"
    deadline = datetime.now(UTC).timestamp() + 60
    while connection.scalar(text(waiting)) == 0:
        assert datetime.now(UTC).timestamp() < deadline
        connection.rollback()


_ENV = """
from sequent_sa.alembic import run_migrations
from tests.ruby_blog import ViewRecord
from tests.ruby_blog.app import app

run_migrations(app.engine, target_metadata=ViewRecord.metadata)
"""
_REVISION = """
import sqlalchemy as sa
from alembic import op
revision = "0001"
down_revision = None

def upgrade():
    op.create_table(
        "title_records",
        sa.Column("aggregate_id", sa.Uuid, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        schema="view_schema",
    )
"""


@pytest.fixture
def command_line(sequent9: Sequent9, tmp_path: Path) -> CommandLine:
    """In a directory with the history of the application's view tables."""
    (tmp_path / "alembic" / "versions").mkdir(parents=True)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\npath_separator = os\n")
    (tmp_path / "alembic" / "env.py").write_text(_ENV)
    (tmp_path / "alembic" / "versions" / "0001.py").write_text(_REVISION)
    return CommandLine(
        tmp_path, DATABASE_URL=sequent9.url, SEQUENT_APP="tests.ruby_blog.app:app", PYTHONPATH=str(CHECKOUT)
    )


def test_what_a_user_types(sequent9: Sequent9, command_line: CommandLine) -> None:
    """`sequent db adopt` says what is left to do until nothing is; a replay fills the view tables; commands work."""
    app = new_app(sequent9.url, TitleProjector)
    found = command_line.run("sequent db adopt")
    assert 1 == found.returncode, found.stderr
    assert "sequent projectors deactivate Blog::PostProjector" in found.stdout
    assert "1 snapshots can be read by another application only" in found.stdout
    with pytest.raises(UnknownActiveProjector, match="sequent projectors deactivate Blog::PostProjector"):
        app.execute_commands(RenamePost(aggregate_id=POST, title="Too early"))

    command_line.succeeds("sequent projectors deactivate Blog::PostProjector")
    assert "next: `sequent migrate online`" in command_line.succeeds("sequent db adopt")
    command_line.succeeds("sequent migrate online")
    command_line.succeeds("sequent migrate offline")
    app.execute_commands(RenamePost(aggregate_id=POST, title="Ours"), AddPost(aggregate_id=OTHER_POST, title="New"))
    with app.engine.connect() as connection:
        rows = connection.execute(text("SELECT aggregate_id, title FROM view_schema.title_records ORDER BY title"))
        assert [(OTHER_POST, "New"), (POST, "Ours")] == [tuple(row) for row in rows]
    assert "Blog::RegisterReader" in command_line.succeeds(f"sequent audit {READER}/1")
    assert "title = 'Hello'" in command_line.succeeds(f"sequent show {POST} --until 2026-01-03")
    app.engine.dispose()


def test_types_without_class_are_listed(sequent9: Sequent9, command_line: CommandLine) -> None:
    """Events and aggregates of which this application knows nothing, and a replay of the other one."""
    with sequent9.engine.begin() as connection:
        sequent9.store_events(
            connection,
            command("Blog::AddPoll", OTHER_POST),
            [stream("Blog::Poll", OTHER_POST, event("Blog::PollAdded", OTHER_POST, 1))],
        )
        connection.execute(text("INSERT INTO sequent_schema.event_types (type) VALUES ('Blog::NeverHappened')"))
        connection.execute(
            text("INSERT INTO sequent_schema.replay_states (state, projectors) VALUES ('prepared', '{Blog::X}')")
        )
    found = command_line.run("sequent db adopt")
    assert 1 == found.returncode
    assert "no class for events of Blog::PollAdded: `class ...(Event, name='Blog::PollAdded')`" in found.stdout
    assert "no class for aggregates of Blog::Poll: " in found.stdout
    assert "a replay of Blog::X is in progress (prepared)" in found.stdout
    assert "NeverHappened" not in found.stdout


def test_an_older_store_is_refused(sequent9: Sequent9, command_line: CommandLine) -> None:
    """A store from before Sequent 9 stays as it is, and the error says what to do."""
    with sequent9.engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE sequent_schema.aggregates_that_need_snapshots DROP COLUMN snapshot_version CASCADE")
        )
    before = catalog(sequent9.engine)
    line = command_line.fails("sequent db adopt")
    assert "aggregates_that_need_snapshots already, without snapshot_version" in line
    assert "Sequent's own migrations" in line
    assert before == catalog(sequent9.engine)


def test_without_a_store_nothing_is_made(database: Database) -> None:
    """Where there is no event store, none is made by mistake."""
    with pytest.raises(DatabaseNotReady, match="no event store to take over"):
        adopt_event_store(database.engine)
    with pytest.raises(DatabaseNotReady, match="create-event-store"):
        check_event_store(database.engine)
