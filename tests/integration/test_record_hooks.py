"""Columns of the application's own beside commands and events, and commands that led to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Column, Integer, Text, Uuid, select
from sqlalchemy.exc import IntegrityError

from sequent_sa import ConfigurationError, Event, RecordHooks, Sequent
from sequent_sa.messages.command import BaseCommand
from sequent_sa.tables import ExactDecimal, UtcDateTime, command_records
from tests import blog, people
from tests.blog import AddComment, AddPost, PostAdded, RenamePost
from tests.databases import Database, Databases

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
tenant: ContextVar[str | None] = ContextVar("tenant", default=None)


NewApp = Callable[..., Sequent]


@pytest.fixture
def new_app(database: Database) -> Iterator[NewApp]:
    """Makes applications on the database, with hooks."""
    made: list[Sequent] = []

    def new(**options: Any) -> Sequent:
        parts: dict[str, Any] = {} if "command_handlers" in options else {"packages": [blog.__name__]}
        made.append(Sequent(database.url, environment="test", **parts, **options))
        return made[-1]

    yield new
    for app in made:
        app.engine.dispose()


@pytest.fixture
def hooks() -> RecordHooks:
    """Metadata of every kind."""
    return RecordHooks(
        commands={Column("ip_address", Text): lambda _: "127.0.0.1", Column("tenant", Text): lambda _: tenant.get()},
        events={
            Column("tenant", Text): lambda _: tenant.get(),
            Column("data", JSON(none_as_null=True)): lambda event: {"type": type(event).__name__},
            Column("length", Integer): lambda event: len(event.author) if isinstance(event, PostAdded) else None,
            Column("at", UtcDateTime): lambda _: MOMENT,
            Column("price", ExactDecimal): lambda _: Decimal("1.10"),
            Column("of", Uuid): lambda event: event.aggregate_id,
        },
    )


@pytest.fixture
def app(new_app: NewApp, hooks: RecordHooks) -> Sequent:
    """The blog, whose tables were made with the columns."""
    app = new_app(record_hooks=hooks)
    app.create_all()
    app.create_all()
    return app


def add_post(app: Sequent, author: str = "ben", title: str = "Hi") -> UUID:
    """Add a post; a newcomer gets a comment, by a command of a workflow."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author=author, title=title))
    return post_id


def test_columns_are_filled(app: Sequent, hooks: RecordHooks) -> None:
    """Of every command and event, those of workflows included, with values of any type."""
    token = tenant.set("acme")
    try:
        post_id = add_post(app, "newcomer")
    finally:
        tenant.reset(token)
    app.execute_commands(AddComment(aggregate_id=post_id, text="x"))
    with app.session() as session:
        commands = hooks.commands_table.c
        rows = session.execute(select(commands.ip_address, commands.tenant).order_by(commands.id)).all()
        assert [("127.0.0.1", "acme"), ("127.0.0.1", "acme"), ("127.0.0.1", None)] == [tuple(row) for row in rows]
        events = hooks.events_table.c
        names = [events[column.name] for column in hooks.events]
        first, *_, last = session.execute(select(*names).order_by(events.sequence_number)).all()
    assert ("acme", {"type": "PostAdded"}, 8, MOMENT, Decimal("1.10"), post_id) == tuple(first)
    assert (None, {"type": "CommentAdded"}, None, MOMENT, Decimal("1.10"), post_id) == tuple(last)


def test_nothing_else_changes(app: Sequent, new_app: NewApp) -> None:
    """What was stored with hooks is loaded, appended to and projected, with and without them."""
    post_id = add_post(app)
    without = new_app()
    for each, title in ((app, "a"), (without, "b")):
        each.execute_commands(RenamePost(aggregate_id=post_id, title=title))
        assert title == each.repository.load_aggregate(post_id, blog.Post).title
    with app.session() as session:
        assert ["b"] == session.scalars(select(blog.PostRecord.title)).all()


def test_a_hook_is_called_once_for_each(new_app: NewApp) -> None:
    """With the event as it was applied; what a hook raises undoes everything."""
    seen: list[Event | BaseCommand] = []

    def note(message: Event | BaseCommand) -> str:
        seen.append(message)
        if isinstance(message, PostAdded) and message.author == "nobody":
            raise RuntimeError("no tenant")
        return "x"

    own: Callable[[], Column[Any]] = lambda: Column("note", Text)  # noqa: E731 - one for each table
    app = new_app(record_hooks=RecordHooks(commands={own(): note}, events={own(): note}))
    app.create_all()
    post_id = add_post(app)
    assert ["AddPost", "PostAdded", "PostTitleChanged"] == [type(message).__name__ for message in seen]
    with pytest.raises(RuntimeError, match="no tenant"):
        add_post(app, "nobody", "Ho")
    assert [post_id] == list(app.event_log.aggregate_ids())


def test_a_missing_column_is_named(new_app: NewApp, hooks: RecordHooks) -> None:
    """A database that was not migrated is a clear error, of events and of commands."""
    new_app().create_all()
    for given in (hooks, RecordHooks(events=hooks.events)):
        app = new_app(record_hooks=given)
        with pytest.raises(ConfigurationError, match=r"(ip_address|tenant).*op\.add_column"):
            add_post(app)
        assert [] == list(app.event_log.aggregate_ids())


def test_a_column_of_ours_is_refused() -> None:
    """A hook cannot take the place of what the framework stores."""
    with pytest.raises(ConfigurationError, match="events has a column created_at already"):
        RecordHooks(events={Column("created_at", UtcDateTime): lambda event: event.created_at})


def test_erasing_empties_the_columns(new_app: NewApp) -> None:
    """A command that stays, because it has events of others, keeps nothing in columns of the application's own."""
    own: dict[Column[Any], Callable[[BaseCommand], object]] = {Column("ip_address", Text): lambda _: "127.0.0.1"}
    hooks = RecordHooks(commands={**own, Column("session", Uuid): lambda _: UUID(int=7)})
    projectors = [people.PersonProjector, people.InvitationProjector]
    app = new_app(command_handlers=[people.PersonCommandHandler], projectors=projectors, record_hooks=hooks)
    app.create_all()
    host, friend = app.new_uuid(), app.new_uuid()
    app.execute_commands(people.SignUp(aggregate_id=host, name="Kim"))
    app.execute_commands(people.Invite(aggregate_id=host, friend_id=friend, friend="Ximena"))
    deleted = app.erasure.erase(friend)
    assert 1 == len(deleted.emptied_commands)
    with app.session() as session:
        columns = hooks.commands_table.c
        left = session.execute(
            select(columns.ip_address, columns.session, columns.command_json).order_by(columns.id)
        ).all()
    assert [("127.0.0.1", UUID(int=7)), (None, None)] == [(row.ip_address, row.session) for row in left]
    assert "{}" == left[1].command_json


def test_commands_that_led_to_nothing_are_kept(new_app: NewApp) -> None:
    """With `store_commands_without_events` every command that was carried out is in the audit trail."""
    app = new_app(store_commands_without_events=True)
    app.create_all()
    post_id = add_post(app)
    app.execute_commands(RenamePost(aggregate_id=post_id, title="Hi"))
    with pytest.raises(RuntimeError):
        app.execute_commands(blog.FailAfterRename(aggregate_id=post_id, title="Ho"))
    with app.session() as session:
        names = session.scalars(select(command_records.c.command_type).order_by(command_records.c.id)).all()
    assert ["AddPost", "RenamePost"] == names
    assert 1 == app.erasure.permanently_delete_commands_without_events(post_id)


def test_another_database_has_the_same_hooks(app: Sequent, hooks: RecordHooks, databases: Databases) -> None:
    """`app.on(...)` keeps them."""
    other = app.on(databases.create().url)
    other.create_all()
    add_post(other)
    with other.session() as session:
        assert ["127.0.0.1"] == session.scalars(select(hooks.commands_table.c.ip_address)).all()
    other.engine.dispose()


def test_a_value_that_a_hook_owes_is_no_lost_race(new_app: NewApp) -> None:
    """What the database says about its column arrives, and nothing is tried again."""
    tried: list[object] = []

    def nothing(event: Event) -> None:
        tried.append(event)

    column = Column("owner", Text, nullable=False, server_default="nobody")
    app = new_app(record_hooks=RecordHooks(events={column: nothing}), retries=3)
    app.create_all()
    with pytest.raises(IntegrityError, match="owner"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    assert 2 == len(tried)
