"""Record hooks wherever commands are executed: in coroutines, in a caller's transaction, in dry runs, in scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from uuid import uuid4

import pytest
from sqlalchemy import Column, Engine, Text, select
from sqlalchemy.ext.asyncio import AsyncSession

from sequent_sa import RecordHooks, Sequent
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.testing import SequentFixture
from sequent_sa.testing.stage import Stage, create_event_store, undone
from tests import blog
from tests.blog import AddComment, AddPost, CommentAdded, FailAfterRename, PostAdded, PostTitleChanged, RenamePost
from tests.databases import Database, Databases

tenant: ContextVar[str] = ContextVar("tenant")
Called = list[str]


def note(called: Called) -> Callable[[BaseCommand | Event], str]:
    """A hook that says which tenant it is, and raises where nobody has said."""

    def hook(message: BaseCommand | Event) -> str:
        called.append(type(message).__name__)
        return tenant.get()

    return hook


@pytest.fixture
def called() -> Called:
    """For which messages the hooks were called."""
    return []


@pytest.fixture
def hooks(called: Called) -> RecordHooks:
    return RecordHooks(
        commands={Column("tenant", Text): note(called)},
        events={Column("tenant", Text): note(called)},
    )


def blog_with(database: str | Engine, hooks: RecordHooks, *, every_command: bool = False) -> Sequent:
    return Sequent(
        database,
        packages=[blog.__name__],
        environment="test",
        record_hooks=hooks,
        store_commands_without_events=every_command,
    )


@pytest.fixture
def app(database: Database, hooks: RecordHooks) -> Iterator[Sequent]:
    app = blog_with(database.url, hooks, every_command=True)
    app.create_all()
    yield app
    app.engine.dispose()


def stored(app: Sequent) -> tuple[list[str], list[str]]:
    """The tenants of all commands and of all events."""
    commands, events = app.record_hooks.commands_table.c, app.record_hooks.events_table.c
    with app.session() as session:
        return (
            list(session.scalars(select(commands.tenant).order_by(commands.id))),
            list(session.scalars(select(events.tenant).order_by(events.command_id, events.sequence_number))),
        )


@pytest.fixture
def acme() -> Iterator[None]:
    """It is this tenant's request."""
    token = tenant.set("acme")
    yield
    tenant.reset(token)


def add(author: str = "ben", title: str = "Hi") -> AddPost:
    return AddPost(aggregate_id=uuid4(), author=author, title=title)


def test_each_coroutine_has_its_own_circumstances(app: Sequent) -> None:
    """Hooks read the context of the coroutine that executes; one in which they fail changes nothing."""

    async def request(name: str) -> None:
        tenant.set(name)
        await app.execute_commands_async(add("newcomer", name))

    async def work() -> None:
        try:
            await asyncio.gather(request("acme"), request("other"))
            with pytest.raises(LookupError):
                await app.execute_commands_async(add(title="nobody's"))
        finally:
            await app.async_engine.dispose()

    asyncio.run(work())
    commands, events = stored(app)
    assert (["acme"] * 2 + ["other"] * 2, ["acme"] * 3 + ["other"] * 3) == (sorted(commands), sorted(events))


@pytest.mark.usefixtures("acme")
def test_they_are_part_of_a_callers_transaction(app: Sequent) -> None:
    """What they say is stored when the caller commits, and not when he rolls back."""
    first = add()
    for title, end in (("kept", "commit"), ("undone", "rollback")):
        with app.session() as session:
            app.execute_commands(add(title=title), session=session)
            getattr(session, end)()
    with app.engine.begin() as connection, app.joined(connection):
        app.execute_commands(first)
    with app.session() as session:
        app.execute_commands(AddComment(aggregate_id=first.aggregate_id, text="x"), session=session)
        session.commit()
    assert (["acme"] * 3, ["acme"] * 5) == stored(app)


def test_what_they_raise_undoes_no_more_than_the_commands(app: Sequent) -> None:
    """The caller's transaction goes on, with what he did in it before."""
    with app.session() as session:
        with pytest.raises(LookupError):
            app.execute_commands(add(), session=session)
        token = tenant.set("acme")
        app.execute_commands(add(), session=session)
        tenant.reset(token)
        with pytest.raises(LookupError), app.joined(session):
            app.execute_commands(add(title="Ho"))
        session.commit()
    assert (["acme"], ["acme"] * 2) == stored(app)


@pytest.mark.usefixtures("acme")
def test_they_are_part_of_a_coroutines_transaction(app: Sequent) -> None:
    """The same with a session of asyncio."""

    async def work() -> None:
        try:
            for title, end in (("kept", AsyncSession.commit), ("undone", AsyncSession.rollback)):
                async with app.session_async() as session:
                    await app.execute_commands_async(add(title=title), session=session)
                    await end(session)
        finally:
            await app.async_engine.dispose()

    asyncio.run(work())
    assert (["acme"], ["acme"] * 2) == stored(app)


@pytest.mark.usefixtures("acme")
def test_a_deep_dry_run_calls_them_and_keeps_nothing(app: Sequent, called: Called) -> None:
    """For the commands of workflows as well; a dry run that stores nothing calls none."""
    app.dry_run(add("newcomer"))
    assert [] == called
    app.dry_run(add("newcomer"), deep=True)
    assert ["AddPost", "PostAdded", "PostTitleChanged", "AddComment", "CommentAdded"] == called
    assert ([], []) == stored(app)


def test_a_deep_dry_run_shows_that_they_fail(app: Sequent, called: Called) -> None:
    """As executing the command would, for a command that leads to no event too where these are stored."""
    post = add()
    token = tenant.set("acme")
    app.execute_commands(post)
    tenant.reset(token)
    called.clear()
    for command in (add(title="Ho"), RenamePost(aggregate_id=post.aggregate_id, title="Hi")):
        with pytest.raises(LookupError):
            app.dry_run(command, deep=True)
    assert ["AddPost", "RenamePost"] == called


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def scenario(request: pytest.FixtureRequest, hooks: RecordHooks) -> Iterator[SequentFixture]:
    """A scenario in memory, and one on each database whose event store the plugin makes."""
    if request.param == "memory":
        yield SequentFixture(blog_with("sqlite://", hooks, every_command=True))
        return
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    app = blog_with(databases.create().url, hooks, every_command=True)
    create_event_store(app)
    with undone(app) as connection:
        yield SequentFixture(app, Stage.on(app, connection))
    app.engine.dispose()


@pytest.mark.usefixtures("acme")
def test_a_scenario_calls_them_once(scenario: SequentFixture, called: Called) -> None:
    """For every command and event that is stored, and for nothing that the test begins with."""
    post = uuid4()
    scenario.given_events(PostAdded(post, 1, author="ben"), PostTitleChanged(post, 2, title="Hi"))
    assert [] == called
    scenario.when_command(
        AddComment(aggregate_id=post, text="x"), add(title="Ho"), RenamePost(aggregate_id=post, title="Hi")
    )
    scenario.then_events(CommentAdded, PostAdded, PostTitleChanged)
    assert ["AddComment", "CommentAdded", "AddPost", "PostAdded", "PostTitleChanged", "RenamePost"] == called
    called.clear()
    with pytest.raises(RuntimeError):
        scenario.when_command(FailAfterRename(aggregate_id=post, title="bad"))
    assert [] == called


def test_a_scenario_fails_when_a_hook_does(scenario: SequentFixture) -> None:
    """What it reads and is not there is its error; nothing is stored."""
    post = add()
    with pytest.raises(LookupError):
        scenario.when_command(post)
    scenario.then_no_events()
    assert not scenario.repository.contains_aggregate(post.aggregate_id)
