"""What a replay gives to whom, and what it refuses."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import (
    Connection,
    Executable,
    column,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    update,
)

from sequent_sa import Projector, PublishEventError, ReplayError, Sequent, on
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.replay.context import GROUP_SIZE
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.replay_state import State
from sequent_sa.replay.status import status
from sequent_sa.tables import commands
from tests import blog
from tests.blog import AddPost, PostAdded, PostRecord
from tests.databases import PostgreSQLDatabases
from tests.integration.test_replay import NoMigrations, add_posts, context, titles


class AuthorProjector(Projector, name="PostProjector", manages_tables=(PostRecord,)):
    """Handles one of three types."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=event.author)


class Untouched(Projector, manages_tables=None):
    """Of the application, and not replayed."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        raise AssertionError(f"{event} reached a projector that is not replayed")


class Filling(blog.PostProjector, name="PostProjector"):
    """Its hook leaves a row in the copy."""

    @classmethod
    def after_prepare(cls, connection: Connection) -> None:
        connection.execute(insert(PostRecord), {"aggregate_id": UUID(int=1), "author": "x", "comments": 0})


def test_only_what_is_replayed_gets_events(app: Sequent) -> None:
    """Of the types that it handles only; no other projector hears of them, and no workflow sends a command."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="newcomer", title="first"))
    add_posts(app, 3)
    with app.engine.connect() as connection:
        before = connection.scalar(select(func.count()).select_from(commands))
    replaying = context(app, projectors=(AuthorProjector, Untouched))
    replay = Replay.create(replaying, [AuthorProjector])
    replay.prepare()
    replay.run()
    found = status(replaying)
    assert found is not None
    assert found.counts is not None
    assert 4 == found.counts.finished_events
    replay.optimize()
    replay.go_live()
    assert [(None, 0)] * 4 == titles(app)
    with app.engine.connect() as connection:
        assert before == connection.scalar(select(func.count()).select_from(commands))


class Writing(blog.PostProjector, name="PostProjector", replay_by="store"):
    """Writes text of its own."""

    schema = ""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        super().added(event)
        self.execute_sql(f"UPDATE {self.schema}post_records SET author = 'sql'")


class WritingLive(Writing, name="PostProjector"):
    schema = "View_Schema."


def authors(app: Sequent) -> list[str]:
    """Of all posts."""
    with app.session() as session:
        return list(session.scalars(select(PostRecord.author)))


def test_text_is_about_the_copies(app: Sequent) -> None:
    """In every step; text that names the live tables is refused before it does any harm."""
    add_posts(app, 2)
    replay = Replay.create(context(app, projectors=(WritingLive,)), [WritingLive])
    replay.prepare()
    with pytest.raises(PublishEventError, match="execute_sql names view_schema, where the live tables are"):
        replay.run()
    assert ["ben", "ben"] == authors(app)
    resumed = Replay.resume(context(app, projectors=(Writing,)))
    assert resumed is not None
    resumed.run()
    add_posts(app, 1, "kim")
    resumed.catch_up()
    resumed.optimize()
    add_posts(app, 1, "eve")
    assert ["ben", "ben", "eve", "kim"] == sorted(authors(app))
    resumed.go_live()
    assert ["sql"] * 4 == authors(app)


class Stating(Writing, name="PostProjector"):
    """Writes a statement of SQLAlchemy, which knows where the table is."""

    @on(PostAdded)
    def said(self, event: PostAdded) -> None:
        self.execute_sql(update(PostRecord).where(PostRecord.author != "core").values(author="core"))


def test_statements_are_about_the_copies(app: Sequent) -> None:
    """In every step, and afterwards about the live table."""
    add_posts(app, 2)
    replay = Replay.create(context(app, projectors=(Stating,)), [Stating])
    replay.prepare()
    replay.run()
    add_posts(app, 1, "kim")
    replay.catch_up()
    replay.optimize()
    add_posts(app, 1, "eve")
    assert ["ben", "ben", "eve", "kim"] == sorted(authors(app))
    replay.go_live()
    assert ["core"] * 4 == authors(app)


@pytest.mark.parametrize(
    "statement",
    [
        select(text("1")).select_from(text("VIEW_SCHEMA.post_records")),
        select(literal_column("1")).where(literal_column("view_schema.f()") == 1),
        table("post_records", column("author"), schema="view_schema").delete(),
    ],
    ids=["text", "literal", "table"],
)
def test_text_within_a_statement_is_refused_too(app: Sequent, statement: Executable) -> None:
    """It would go round the copies as well."""
    add_posts(app, 1)

    class Through(Writing, name="PostProjector"):
        @on(PostAdded)
        def said(self, event: PostAdded) -> None:
            self.execute_sql(statement)

    replay = Replay.create(context(app, projectors=(Through,)), [Through])
    replay.prepare()
    with pytest.raises(PublishEventError, match="execute_sql names view_schema, where the live tables are"):
        replay.run()
    assert ["ben"] == authors(app)


def test_rows_in_a_copy_are_refused(app: Sequent) -> None:
    """A replay would store them twice, or fail on them; the live table is as it was."""
    add_posts(app, 2)
    replay = Replay.create(context(app, projectors=(Filling,)), [Filling])
    replay.prepare()
    with pytest.raises(ReplayError, match=r"the copy of post_records has rows already, .* abort this replay"):
        replay.run()
    assert State.FAILED == replay.state
    replay.abort()
    assert [("ben 0", 1), ("ben 1", 1)] == titles(app)


def test_another_projector_that_is_being_replayed_is_named(app: Sequent) -> None:
    """As the database has it, beside what the replay is of; nothing is loaded."""
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    with app.dialect.writing(app.engine) as connection, connection.begin():
        ProjectorStates(app.dialect).register_replaying(connection, [Untouched])
    with pytest.raises(
        ReplayError,
        match=r"of PostProjector version 1, but the database says that PostProjector version 1, Untouched version 1 is",
    ):
        replay.run()
    assert State.PREPARED == replay.state


def test_the_rows_before_are_kept(postgresql_databases: PostgreSQLDatabases) -> None:
    """Until the next replay, with everything that was projected before going live."""
    app = blog.new_app(postgresql_databases.create().url)
    app.create_all()
    add_posts(app, 2)
    replay = Replay.create(context(app, projectors=(AuthorProjector,)), [AuthorProjector])
    replay.take_steps_beside()
    add_posts(app, 1, "late")
    replay.go_live()
    with app.engine.connect() as connection:
        kept = connection.scalars(text("SELECT title FROM archive_schema.post_records ORDER BY 1")).all()
    assert ["ben 0", "ben 1", "late 0"] == kept
    assert [(None, 0)] * 3 == titles(app)
    app.engine.dispose()


def test_what_a_replay_does_unless_it_is_told() -> None:
    """As many processes as pay, groups of a bounded size, ten seconds for a lock."""
    found = Sequent("sqlite://", environment="test").replay_context(NoMigrations())
    assert (None, GROUP_SIZE, 50_000, 10.0) == (found.workers, found.group_size, GROUP_SIZE, found.lock_timeout)
