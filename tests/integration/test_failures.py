"""Errors that somebody catches on the way must not leave half of a command behind."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from sequent_sa import (
    AggregateKeyNotUnique,
    Command,
    CommandHandler,
    ConfigurationError,
    Event,
    Projector,
    ReplayError,
    Sequent,
    UnitOfWorkError,
    Workflow,
    on,
)
from sequent_sa.execution.middleware import Next, Request
from sequent_sa.replay import replay_state
from sequent_sa.replay.engine import Replay
from sequent_sa.replay.groups import Group
from sequent_sa.replay.replay_state import State
from sequent_sa.tables import events
from tests import blog
from tests.blog import AddComment, AddPost, FailAfterRename, Post, PostAdded, PostRecord, PostTitleChanged
from tests.databases import Database
from tests.integration.test_replay import PostProjector, add_posts, context, upgraded


def stored(app: Sequent) -> int:
    """The number of events."""
    with app.session() as session:
        return session.scalar(select(func.count()).select_from(events)) or 0


class SwallowingProjector(Projector, manages_tables=None):
    """Catches what the database says about its statement."""

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        try:
            self.execute_sql("INSERT INTO nowhere VALUES (1)")
        except Exception as error:
            self.caught = error


class MistakenProjector(blog.PostProjector, name="PostProjector"):
    """Writes what cannot even be sent, and catches what is said about it when it reads."""

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        try:
            self.delete_all_records(PostRecord, {"aggregate_id": "no UUID"})
            self.find_records(PostRecord, {})
        except Exception as error:
            self.caught = error


class AskingWorkflow(Workflow):
    """Catches what a refused unique key says."""

    app: Sequent

    @on(PostTitleChanged)
    def title_changed(self, event: PostTitleChanged) -> None:
        try:
            self.app.repository.find_aggregate_by_unique_key("post_title", {"title": "x"})
        except AggregateKeyNotUnique as error:
            self.caught = error


@pytest.mark.parametrize(
    "projectors", [[blog.PostProjector, SwallowingProjector], [MistakenProjector]], ids=["refused", "not sent"]
)
def test_a_projector_that_swallows_an_error_cannot_commit(
    database: Database, projectors: list[type[Projector]]
) -> None:
    """The command fails, and neither events nor records are there."""
    app = Sequent(database.url, command_handlers=[blog.PostCommandHandler], projectors=projectors, environment="test")
    app.create_all()
    with pytest.raises(UnitOfWorkError, match="nothing of it can be committed"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    assert stored(app) == 0
    app.engine.dispose()


def test_a_workflow_that_swallows_a_refused_key_cannot_commit(database: Database) -> None:
    """Two posts with one title are not stored, although the workflow caught the error."""
    app = Sequent(
        database.url,
        command_handlers=[blog.PostCommandHandler],
        projectors=[blog.PostProjector],
        workflows=[AskingWorkflow],
        environment="test",
    )
    AskingWorkflow.app = app
    app.create_all()
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    with pytest.raises(UnitOfWorkError, match="nothing of it can be committed"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="kim", title="Hi"))
    assert stored(app) == 2
    app.engine.dispose()


def test_events_of_a_failed_command_do_not_come_with_the_next_one(app: Sequent) -> None:
    """Who catches the error inside of a unit of work cannot go on in it."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with pytest.raises(UnitOfWorkError, match="changed my mind"), app.unit_of_work():  # noqa: PT012 - a block is the point
        with pytest.raises(RuntimeError):
            app.execute_commands(FailAfterRename(aggregate_id=post_id, title="bad"))
        app.execute_commands(AddComment(aggregate_id=post_id, text="good"))
    with pytest.raises(UnitOfWorkError, match="changed my mind"), app.unit_of_work(), pytest.raises(RuntimeError):
        app.execute_commands(FailAfterRename(aggregate_id=post_id, title="bad"))
    post = app.repository.load_aggregate(post_id, Post)
    assert (post.title, post.comments) == ("Hi", [])


def test_middleware_cannot_execute_a_failed_command_twice(database: Database) -> None:
    """What the first attempt applied would be stored twice."""

    def again(request: Request, execute: Next) -> None:
        try:
            execute(request)
        except RuntimeError:
            execute(request)

    app = Sequent(database.url, packages=["tests.blog"], middleware=[again], environment="test")
    app.create_all()
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with pytest.raises(UnitOfWorkError, match="changed my mind"):
        app.execute_commands(FailAfterRename(aggregate_id=post_id, title="bad"))
    assert stored(app) == 2
    app.engine.dispose()


def test_two_projectors_cannot_share_a_table() -> None:
    """A replay of one would lose the rows of the other, so the application says so when it starts."""

    class Other(Projector, manages_tables=(PostRecord,)):
        """Wants the same table."""

    app = Sequent("sqlite://", projectors=[blog.PostProjector, Other])
    with pytest.raises(ConfigurationError, match="PostProjector and Other both manage PostRecord"):
        app.create_all()
    app.engine.dispose()


def test_a_worker_of_an_aborted_replay_cannot_write(app: Sequent, database: Database) -> None:
    """Not into the next replay either, whose groups have the same numbers."""
    add_posts(app, 12)
    new = upgraded(database)
    other = Replay.create(context(new), new.projectors)
    other.prepare()
    with new.engine.begin() as connection:
        row = replay_state.in_progress(connection)
        mark = new.dialect.position_mark(connection)
    assert row is not None
    orphan = context(new).loader(row)
    other.abort()
    with pytest.raises(ReplayError, match="ended by another process"):
        orphan.load(Group(1), mark)
    following = Replay.create(context(new), new.projectors)
    following.prepare()
    with pytest.raises(ReplayError, match="ended by another process"):
        orphan.load(Group(1), mark)
    assert State.PREPARED == following.state
    following.take_all_steps()
    with new.session() as session:
        assert session.scalar(select(func.count()).select_from(PostRecord)) == 12
    new.engine.dispose()


class CarelessProjector(PostProjector, name="PostProjector"):
    """Changes records behind the back of its operations."""

    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        record = self.create_record(PostRecord, aggregate_id=event.aggregate_id, author=event.author)
        record.author = "changed afterwards"
        self.get_record_or_raise(PostRecord, {"aggregate_id": event.aggregate_id}).comments += 100


def test_a_record_that_is_changed_without_saving_is_the_same_live_and_replayed(database: Database) -> None:
    """What a projector does to a record that it was given counts only when an operation saves it."""
    app = Sequent(
        database.url, command_handlers=[blog.PostCommandHandler], projectors=[CarelessProjector], environment="test"
    )
    app.create_all()
    add_posts(app, 3)

    def rows() -> list[tuple[str, str | None, int]]:
        with app.session() as session:
            records = session.scalars(select(PostRecord).order_by(PostRecord.title)).all()
            return [(record.author, record.title, record.comments) for record in records]

    live = rows()
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.run()
    replay.optimize()
    replay.go_live()
    assert live == rows()
    assert [("ben", "BEN 0", 1), ("ben", "BEN 1", 1), ("ben", "BEN 2", 1)] == live
    app.engine.dispose()


def test_a_first_replay_that_is_aborted_leaves_the_projector_unknown(database: Database) -> None:
    """It is missed as before, so that no event goes by without anybody noticing."""
    app = blog.new_app(database.url)
    app.create_all()
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql(f"DELETE FROM {'sequent_schema.' if database.is_postgresql else ''}projector_states")
    replay = Replay.create(context(app), app.projectors)
    replay.prepare()
    replay.abort()
    with pytest.raises(Exception, match="PostProjector was never activated"):
        add_posts(app, 1)
    app.engine.dispose()


def test_reading_does_not_wait_for_the_writer(app: Sequent) -> None:
    """An aggregate can be loaded for reading while another transaction writes."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    with app.dialect.writing(app.engine) as connection, connection.begin():
        assert app.repository.load_aggregate(post_id, Post).title == "Hi"


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://u:p@h:abc/x", "nonsense"])
def test_an_unusable_url_is_a_clear_error(url: str) -> None:
    """Without the password in it."""
    with pytest.raises(ConfigurationError) as caught:
        Sequent(url).create_all()
    assert "u:p" not in str(caught.value)


class Ping(Command):
    pass


class Pinged(Event):
    pass


class PingHandler(CommandHandler):
    @on(Ping)
    def ping(self, command: Ping) -> None:
        raise ReplayError("not now")


def test_an_error_of_a_handler_reaches_the_caller_as_it_is(database: Database) -> None:
    """Nothing is wrapped around it."""
    app = Sequent(database.url, command_handlers=[PingHandler], environment="test")
    app.create_all()
    with pytest.raises(ReplayError, match="not now"):
        app.execute_commands(Ping(aggregate_id=app.new_uuid()))
    app.engine.dispose()
