"""Filters and middleware around commands: their order, what they get, and what they can prevent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest

from sequent_sa import Command, CommandHandler, CommandNotValid, Params, Sequent, UnitOfWorkError, on
from sequent_sa.execution.middleware import Filter, Middleware, Next, Request
from tests.blog import AddPost, Post
from tests.databases import Database
from tests.integration.callers import stored

NewApp = Callable[..., Sequent]


class Unheard(Command):
    """Nobody handles it."""


class Telling(CommandHandler):
    """Says when it is called."""

    log: ClassVar[list[str]] = []

    @on(AddPost)
    def add(self, command: AddPost) -> None:
        self.log.append(f"handle {command.title}")


class Also(CommandHandler):
    """Another one for the same command."""

    @on(AddPost)
    def add(self, command: AddPost) -> None:
        Telling.log.append(f"also {command.title}")


def name_of(request: Request) -> str:
    """Which command it is, and whether it is raw."""
    return f"raw {request.data['title']}" if isinstance(request, Params) else getattr(request, "title", "")


def layer(name: str) -> Middleware:
    """Middleware that says when a command goes in and comes out."""

    def around(request: Request, execute: Next) -> None:
        Telling.log.append(f"{name} in {name_of(request)}")
        try:
            execute(request)
        finally:
            Telling.log.append(f"{name} out")

    return around


def look(request: Request) -> None:
    """A filter that only looks."""
    Telling.log.append(f"filter {name_of(request)}")


@pytest.fixture
def new_app(database: Database) -> Iterator[NewApp]:
    """Makes the blog with filters and middleware."""
    made: list[Sequent] = []

    def new(filters: list[Filter] | None = None, middleware: list[Middleware] | None = None) -> Sequent:
        app = Sequent(
            database.url,
            packages=["tests.blog"],
            command_handlers=[Telling],
            filters=filters or [],
            middleware=middleware or [],
            environment="test",
        )
        app.create_all()
        made.append(app)
        return app

    Telling.log.clear()
    yield new
    for app in made:
        app.engine.dispose()


def add(app: Sequent, title: str = "Hi") -> AddPost:
    """A post that no workflow reacts to."""
    return AddPost(aggregate_id=app.new_uuid(), author="ben", title=title)


def test_middleware_surrounds_each_command(new_app: NewApp) -> None:
    """The first one outermost, filters inside of all, and each command is out before the next one is in."""
    app = new_app([look], [layer("outer"), layer("inner")])
    app.execute_commands(add(app, "one"), add(app, "two"))
    around = [
        ["outer in {}", "inner in {}", "filter {}", "handle {}", "inner out", "outer out"],
        ["outer in {}", "inner in {}", "filter {}", "handle {}", "inner out", "outer out"],
    ]
    expected = [each.format(title) for steps, title in zip(around, ["one", "two"], strict=True) for each in steps]
    assert expected == Telling.log


def test_without_middleware_the_command_is_executed(new_app: NewApp) -> None:
    """There is nothing to go through."""
    app = new_app()
    app.execute_commands(add(app))
    assert (["handle Hi"], (2, 1)) == (Telling.log, stored(app))


def test_a_command_that_middleware_keeps_is_not_executed(new_app: NewApp) -> None:
    """Nothing looks at it, not even whether it is valid; the other commands are executed all the same."""

    def keep(request: Request, execute: Next) -> None:
        if name_of(request) != "":
            execute(request)

    app = new_app([look], [keep])
    app.execute_commands(add(app, "one"), add(app, ""), add(app, "two"))
    assert ["filter one", "handle one", "filter two", "handle two"] == Telling.log
    assert (4, 2) == stored(app)


def test_filters_see_what_was_given_before_it_is_validated(new_app: NewApp) -> None:
    """Each in order, raw input as it came; a command that is not valid goes no further."""
    app = new_app([look, look])
    with pytest.raises(CommandNotValid):
        app.execute_commands(AddPost.from_params({"aggregate_id": str(app.new_uuid()), "author": " ", "title": "x"}))
    assert (["filter raw x"] * 2, (0, 0)) == (Telling.log, stored(app))


def test_a_filter_may_put_another_command_in_its_place(new_app: NewApp) -> None:
    """What it returns is what the next filter and the handlers get, and what is validated."""

    def repaired(request: Request) -> Request:
        assert isinstance(request, AddPost)
        return request.evolve(author="ben", title=f"{request.title}!")

    app = new_app([repaired, look])
    command = AddPost(aggregate_id=app.new_uuid(), author=" ", title="Hi")
    app.execute_commands(command)
    assert ["filter Hi!", "handle Hi!"] == Telling.log
    assert ("Hi!", "Hi") == (app.repository.load_aggregate(command.aggregate_id, Post).title, command.title)


def test_a_filter_that_raises_stops_everything(new_app: NewApp) -> None:
    """Also what was done by the commands before; those behind it are not begun."""

    def refuse(request: Request) -> None:
        if name_of(request) == "two":
            raise PermissionError("two is not allowed")

    app = new_app([refuse, look])
    with pytest.raises(PermissionError, match="two is not allowed"):
        app.execute_commands(add(app, "one"), add(app, "two"), add(app, "three"))
    assert (["filter one", "handle one"], (0, 0)) == (Telling.log, stored(app))
    app.execute_commands(add(app, "four"))
    assert (2, 1) == stored(app)


def test_what_a_filter_refuses_in_a_unit_of_work(new_app: NewApp) -> None:
    """Alone it undoes nothing; behind another command of its call, or behind itself in middleware, all is undone."""

    def refuse(request: Request) -> None:
        if name_of(request) == "two":
            raise PermissionError("two is not allowed")

    def late(request: Request, execute: Next) -> None:
        execute(request)
        if name_of(request) == "late":
            raise PermissionError("late is not allowed")

    app = new_app([refuse], [late])
    with app.unit_of_work():
        with pytest.raises(PermissionError):
            app.execute_commands(add(app, "two"), add(app, "never"))
        app.execute_commands(add(app, "three"))
    assert (["handle three"], (2, 1)) == (Telling.log, stored(app))
    for titles in (["one", "two"], ["late"]):
        with pytest.raises(UnitOfWorkError, match="is not allowed"), app.unit_of_work(), pytest.raises(PermissionError):
            app.execute_commands(*(add(app, title) for title in titles))
    assert (2, 1) == stored(app)


def test_a_command_that_nobody_handles_is_accepted(new_app: NewApp) -> None:
    """It changes nothing, and is not stored."""
    app = new_app()
    app.execute_commands(Unheard(aggregate_id=app.new_uuid()), add(app))
    assert (2, 1) == stored(app)


@pytest.mark.parametrize("first", [True, False])
def test_all_handlers_of_a_command_get_it(first: bool) -> None:
    """In the order in which they are configured."""
    Telling.log.clear()
    handlers: list[type[CommandHandler]] = [Also, Telling] if first else [Telling, Also]
    app = Sequent("sqlite://", command_handlers=handlers, environment="test")
    app.execute_commands(add(app))
    assert (["also Hi", "handle Hi"] if first else ["handle Hi", "also Hi"]) == Telling.log
