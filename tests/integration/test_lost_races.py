"""What PostgreSQL gives up, it may succeed in when it is done again: these errors are all `ConcurrencyError`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from sequent_sa import ConcurrencyError, LockTimeout, Sequent
from sequent_sa.execution import command_service
from sequent_sa.execution.middleware import Middleware, Next, Request
from tests.blog import AddComment, RenamePost
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.callers import EagerWorkflow, TellingWorkflow, add, new_app, post, stored


@pytest.fixture
def database(postgresql_databases: PostgreSQLDatabases) -> Database:
    return postgresql_databases.create()


@contextmanager
def blog(database: Database, middleware: Sequence[Middleware] = (), **options: Any) -> Generator[Sequent, None, None]:
    """The blog, with options for its engine."""
    app = Sequent(
        create_engine(database.url, **options), packages=["tests.blog"], middleware=middleware, environment="test"
    )
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.mark.parametrize("retries", [0, 10])
def test_a_deadlock_is_a_lost_race(database: Database, retries: int) -> None:
    """Of two that wait for each other one is given up; when it is tried again both get through."""
    barrier = threading.Barrier(2)
    met: set[int] = set()

    def meet(request: Request, execute: Next) -> None:
        execute(request)
        if isinstance(request, RenamePost):
            app.repository.find_aggregate_by_unique_key("post_title", {"title": "-"})  # sends what is pending
            if threading.get_ident() not in met:
                met.add(threading.get_ident())
                barrier.wait(30)

    with blog(database, [meet]) as app:
        app.register_types()  # who stores a new one keeps others waiting
        first, second = add(app, "first"), add(app, "second")
        app.execute_commands(first, second)

        def rename(name: str, *posts: Any) -> str:
            commands = [RenamePost(aggregate_id=each.aggregate_id, title=f"{name} {each.title}") for each in posts]
            try:
                app.execute_commands(*commands, retries=retries)
            except ConcurrencyError as error:
                return type(error).__name__
            return "done"

        with ThreadPoolExecutor(2) as pool:
            outcomes = {pool.submit(rename, "a", first, second), pool.submit(rename, "b", second, first)}
            found = sorted(outcome.result() for outcome in outcomes)
        assert (["done", "done"] if retries else ["ConcurrencyError", "done"]) == found


def test_a_serialization_failure_is_a_lost_race(database: Database) -> None:
    """The transaction begins again until it is let through."""
    with blog(database) as app:
        with app.engine.begin() as connection:
            connection.execute(text("CREATE SEQUENCE tries"))
            connection.execute(
                text("""CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('tries') < 3 THEN RAISE 'could not serialize' USING ERRCODE = '40001'; END IF;
                RETURN NEW; END $$""")
            )
            connection.execute(
                text("CREATE TRIGGER give_up BEFORE INSERT ON view_schema.post_records EXECUTE FUNCTION give_up()")
            )
        with pytest.raises(ConcurrencyError, match="gave up this transaction"):
            app.execute_commands(add(app))
        app.execute_commands(add(app), retries=1)
        assert stored(app) == (2, 1)


def test_a_lock_that_cannot_be_had_in_time_is_a_lost_race(database: Database) -> None:
    """With the server's own limit for waiting."""
    with blog(database, connect_args={"options": "-c lock_timeout=100"}) as app:
        command = add(app)
        app.execute_commands(command)
        with database.engine.begin() as holder:
            holder.exec_driver_sql("SELECT 1 FROM sequent_schema.aggregates FOR UPDATE")
            with pytest.raises(LockTimeout, match="execute the command again"):
                app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"), retries=1)
        app.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="Ho"))
        assert post(app, command.aggregate_id).title == "Ho"


def test_pauses_are_random_and_grow_to_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that those who lost to each other do not meet again."""
    pauses: list[float] = []
    monkeypatch.setattr(command_service, "pause", pauses.append)

    def lose(_: Request, __: Next) -> None:
        raise ConcurrencyError("gave up this transaction")

    with blog(database, [lose]) as app, pytest.raises(ConcurrencyError, match="gave up"):
        app.execute_commands(add(app), retries=40)
    assert len(pauses) == 40
    assert all(0 <= pause <= min(1.0, 0.02 * 2**number) for number, pause in enumerate(pauses))
    assert len(set(pauses)) > 30
    assert max(pauses) > 0.1


def test_a_race_about_one_aggregate_is_lost_once(database: Database) -> None:
    """A real one: somebody else comments between loading and appending; the next time he would have to wait."""
    rivals: list[Callable[[], None]] = []

    def rival(request: Request, execute: Next) -> None:
        execute(request)
        if rivals and isinstance(request, RenamePost):
            rivals.pop()()

    app = new_app(database.url)
    command = add(app)
    app.execute_commands(command)
    with blog_of(app, rival) as racing:
        rivals += [lambda: app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="rival"))]
        racing.execute_commands(RenamePost(aggregate_id=command.aggregate_id, title="mine"), retries=1)
    found = post(app, command.aggregate_id)
    assert (["rival"], "mine") == (found.comments, found.title)
    app.engine.dispose()


@contextmanager
def blog_of(app: Sequent, middleware: Middleware) -> Generator[Sequent, None, None]:
    """The same database, with middleware."""
    yield Sequent(
        app.engine,
        packages=["tests.blog"],
        workflows=[TellingWorkflow, EagerWorkflow],
        middleware=[middleware],
        environment="test",
    )
