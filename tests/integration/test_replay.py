"""A projection is rebuilt beside the running application, and takes its place in one moment."""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

import pytest
from sqlalchemy import Connection, func, select, text

from sequent_sa import DifferentProjectorVersionIsActive, Projector, ReplayError, Sequent, on
from sequent_sa.projections.projector_states import read_states
from sequent_sa.replay.context import ReplayContext
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from tests import blog
from tests.blog import AddComment, AddPost, CommentAdded, PostAdded, PostRecord, PostTitleChanged
from tests.databases import Database
from tests.integration.test_concurrency import ADD_POSTS, ROOT


class NoMigrations:
    """An application whose view tables do not change."""

    version_table = "view_version"

    def upgrade(self, connection: Connection) -> None:
        """Nothing is pending."""


class AddShout:
    """A pending view migration."""

    version_table = "view_version"

    def upgrade(self, connection: Connection) -> None:
        """Adds a column without a default, which only an empty table can take."""
        schema = (connection.get_execution_options().get("schema_translate_map") or {}).get(
            "view_schema", "view_schema"
        )
        table = f"{schema}.post_records" if schema else "post_records"
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN shout text NOT NULL"))


class PostProjector(Projector, manages_tables=(PostRecord,), version=2):
    """The same projector after a change: titles in upper case."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=event.author)

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        self.update_record(PostRecord, event, lambda record: setattr(record, "title", event.title.upper()))

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        for record in self.find_records(PostRecord, {"aggregate_id": [event.aggregate_id]}):
            self.update_all_records(
                PostRecord, {"aggregate_id": record.aggregate_id}, {"comments": record.comments + 1}
            )


class StorePostProjector(PostProjector, name="PostProjector", replay_by="store"):
    """The same, replayed in the order of commands."""


def upgraded(database: Database, projector: type[Projector] = PostProjector) -> Sequent:
    """The application with the new version of the projector."""
    return Sequent(
        database.url,
        command_handlers=[blog.PostCommandHandler],
        projectors=[projector],
        workflows=[blog.WelcomeWorkflow],
        environment="test",
    )


def add_posts(app: Sequent, number: int, name: str = "ben") -> list[UUID]:
    """Add posts with a comment each."""
    ids = [app.new_uuid() for _ in range(number)]
    for i, post_id in enumerate(ids):
        app.execute_commands(
            AddPost(aggregate_id=post_id, author=name, title=f"{name} {i}"), AddComment(aggregate_id=post_id, text="x")
        )
    return ids


def titles(app: Sequent) -> list[tuple[str | None, int]]:
    """What the records say."""
    with app.session() as session:
        found = session.execute(select(PostRecord.title, PostRecord.comments).order_by(PostRecord.title))
        return [(title, comments) for title, comments in found]


def context(app: Sequent, **options: object) -> ReplayContext:
    """A replay's context, with groups so small that there are several."""
    values = vars(app.replay_context(NoMigrations())) | {"group_size": 10} | options
    return ReplayContext(**values)


@pytest.mark.parametrize("projector", [PostProjector, StorePostProjector])
def test_a_replay_replaces_the_projection(app: Sequent, database: Database, projector: type[Projector]) -> None:
    """Nothing changes until going live; then every row is the new version's, later events included."""
    add_posts(app, 12)
    new = upgraded(database, projector)
    replay = Replay.create(context(new), new.projectors)
    replay.prepare()
    replay.run()
    add_posts(app, 3, "kim")
    replay.catch_up()
    replay.optimize()
    add_posts(app, 2, "eve")
    replay.catch_up()
    add_posts(app, 1, "joe")
    before = titles(app)
    assert all(title != (title or "").upper() for title, _ in before)
    replay.go_live()
    assert sorted((title.upper() if title else None, comments) for title, comments in before) == titles(new)
    assert len(before) == 18
    assert State.LIVE == replay.state
    add_posts(new, 1, "zed")
    assert titles(new)[-1] == ("ZED 0", 1)
    new.engine.dispose()


def test_old_code_stops_when_the_new_version_is_live(app: Sequent, database: Database) -> None:
    """Its commands fail with an error that says what to do, and store nothing."""
    add_posts(app, 1)
    new = upgraded(database)
    go_through(Replay.create(context(new), new.projectors))
    with pytest.raises(DifferentProjectorVersionIsActive, match="version 2 is active, this code has version 1"):
        add_posts(app, 1, "late")
    assert titles(new) == [("BEN 0", 1)]
    new.engine.dispose()


def test_pending_migrations_run_on_the_twins_only(app: Sequent, database: Database) -> None:
    """The live table has no new column before going live, and has it afterwards."""
    add_posts(app, 3)
    new = upgraded(database)

    class ShoutProjector(PostProjector, name="PostProjector"):
        """Fills the new column."""

        @on(PostAdded)
        def added(self, event: PostAdded) -> None:
            self.execute_sql(
                "INSERT INTO "
                + table_in_use(self)
                + " (aggregate_id, author, comments, shout) VALUES (:id, :author, 0, 'A')",
                id=str(event.aggregate_id) if database.is_postgresql else event.aggregate_id.hex,
                author=event.author,
            )

    def table_in_use(_: object) -> str:
        return "replay_schema.post_records" if database.is_postgresql else "post_records"

    class ByStore(ShoutProjector, name="PostProjector", replay_by="store"):
        """Raw SQL needs the tables."""

    replay = Replay.create(context(new, projectors=(ByStore,), migrations=AddShout()), [ByStore])
    replay.prepare()
    replay.run()
    replay.optimize()
    assert "shout" not in columns(app)
    replay.go_live()
    assert "shout" in columns(app)
    with app.session() as session:
        table = "view_schema.post_records" if database.is_postgresql else "post_records"
        assert session.scalars(text(f"SELECT shout FROM {table}")).all() == ["A", "A", "A"]
    new.engine.dispose()


def columns(app: Sequent) -> list[str]:
    """The columns of the live table."""
    from sqlalchemy import inspect  # noqa: PLC0415 - only here

    schema = "view_schema" if app.dialect.name == "postgresql" else None
    return [column["name"] for column in inspect(app.engine).get_columns("post_records", schema=schema)]


def go_through(replay: Replay) -> None:
    """All steps in order."""
    replay.prepare()
    replay.run()
    replay.catch_up()
    replay.optimize()
    replay.catch_up()
    replay.go_live()


def test_a_failed_run_goes_on_where_it_stopped(app: Sequent, database: Database) -> None:
    """A projector that fails marks the replay failed, with its cause; the corrected code finishes it."""
    add_posts(app, 12)

    class FailingProjector(PostProjector, name="PostProjector"):
        """Fails at one post."""

        @on(PostTitleChanged)
        def title_changed(self, event: PostTitleChanged) -> None:
            if event.title == "ben 9":
                raise RuntimeError("no nines")
            super().title_changed(event)

    new = upgraded(database)
    replay = Replay.create(context(new, projectors=(FailingProjector,)), [FailingProjector])
    replay.prepare()
    with pytest.raises(Exception, match="no nines"):
        replay.run()
    assert State.FAILED == replay.state
    with pytest.raises(ReplayError, match="in progress"):
        Replay.create(context(new), new.projectors)
    with pytest.raises(ReplayError, match="can go live only when it is optimized; this one is failed"):
        replay.go_live()
    resumed = Replay.resume(context(new))
    assert resumed is not None
    resumed.run()
    resumed.optimize()
    resumed.go_live()
    assert len(titles(new)) == 12
    new.engine.dispose()


def test_an_aborted_replay_leaves_everything_as_it_was(app: Sequent, database: Database) -> None:
    """The live rows and versions stay, and another replay can begin."""
    add_posts(app, 3)
    new = upgraded(database)
    replay = Replay.create(context(new), new.projectors)
    replay.prepare()
    with app.engine.begin() as connection:
        assert read_states(connection)["PostProjector"].replaying_version == 2
    add_posts(app, 1, "meanwhile")
    replay.run()
    replay.abort()
    with app.engine.begin() as connection:
        state = read_states(connection)["PostProjector"]
    assert (state.active_version, state.replaying_version) == (1, None)
    assert len(titles(app)) == 4
    go_through(Replay.create(context(new), new.projectors))
    assert len(titles(new)) == 4
    new.engine.dispose()


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_catch_up_sends_its_writes_in_portions(app: Sequent, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """Wherever a portion ends, what is changed of a row that was just written is not lost."""
    monkeypatch.setattr("sequent_sa.replay.loading._WRITES_A_FLUSH", writes)
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.run()
    add_posts(app, 7)
    replay.catch_up()
    replay.optimize()
    replay.go_live()
    assert [(f"ben {number}", 1) for number in range(7)] == titles(app)


def test_nothing_is_lost_while_another_process_writes(app: Sequent, database: Database) -> None:
    """Posts added at full speed during every step are all projected exactly once."""
    add_posts(app, 5)
    new = upgraded(database)
    writer = subprocess.Popen(
        [sys.executable, "-c", ADD_POSTS, database.url, "writer", "100000"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    wait_for_rows(app, 10)
    go_through(Replay.create(context(new), new.projectors))
    _, complaint = writer.communicate(timeout=60)
    assert "DifferentProjectorVersionIsActive" in complaint
    with new.session() as session:
        added = session.scalar(text("SELECT count(*) FROM " + in_store(database, "aggregates")))
    found = titles(new)
    assert len(found) == added
    assert len({title for title, _ in found}) == added
    assert all(title == (title or "").upper() for title, _ in found)
    new.engine.dispose()


def in_store(database: Database, table: str) -> str:
    """A table of the event store, as SQL."""
    return f"sequent_schema.{table}" if database.is_postgresql else table


def wait_for_rows(app: Sequent, number: int) -> None:
    """Until the other process is at work."""
    import time  # noqa: PLC0415 - only here

    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        with app.session() as session:
            if (session.scalar(select(func.count()).select_from(PostRecord)) or 0) >= number:
                return
        time.sleep(0.02)
    raise AssertionError("the other process added nothing")


def test_a_replay_of_other_code_is_not_taken_up(app: Sequent, database: Database) -> None:
    """Code with another version of the projector says so instead of mixing rows."""
    new = upgraded(database)
    Replay.create(context(new), new.projectors)
    resumed = Replay.resume(context(app))
    assert resumed is not None
    with pytest.raises(ReplayError, match="PostProjector version 2, but this code has version 1"):
        resumed.prepare()
    resumed.abort()
    assert State.ABORTED == resumed.state
    new.engine.dispose()
