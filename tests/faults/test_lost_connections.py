"""Connections that end in the middle of whatever they were doing, on PostgreSQL: SQLite has none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from sequent_sa import Command, Sequent
from tests.blog import AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.databases.proxy import Proxy
from tests.databases.waiting import wait_until
from tests.faults.checker import check_store, check_usable
from tests.faults.threads import Crew, working
from tests.faults.workload import Attempt, Execute

TERMINATIONS = 12
BYTES_A_STEP = 173
READY = b"Z\x00\x00\x00\x05I"
SHUTDOWN = b"SFATAL\x00VFATAL\x00C57P01\x00Mterminating connection due to administrator command\x00\x00"


@pytest.fixture
def on_postgresql(postgresql_databases: PostgreSQLDatabases) -> Database:
    """An empty database there."""
    return postgresql_databases.create()


@pytest.fixture
def app(on_postgresql: Database) -> Iterator[Sequent]:
    """The blog there."""
    app = new_app(on_postgresql.url)
    app.create_all()
    yield app
    app.engine.dispose()


@contextmanager
def executing(app: Sequent, *, asynchronous: bool) -> Generator[Execute, None, None]:
    """Executes commands with the engine of the application, or in an event loop, with psycopg's asynchronous driver."""
    if not asynchronous:
        yield app.execute_commands
        return
    app.engine.dispose()  # its connections, which nobody uses here, would be found dead afterwards
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def execute(command: Command) -> None:
        asyncio.run_coroutine_threadsafe(app.execute_commands_async(command), loop).result(60)

    try:
        yield execute
        asyncio.run_coroutine_threadsafe(app.async_engine.dispose(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["threads", "asyncio"])
def test_connections_that_the_server_ends(app: Sequent, on_postgresql: Database, asynchronous: bool) -> None:
    """Threads go on with the same pool while one connection after the other is terminated."""
    others = create_engine(on_postgresql.url)

    def terminate(crew: Crew) -> bool:
        with others.connect() as connection:
            found = connection.scalars(
                text(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " ORDER BY pid"
                )
            ).all()
            return bool(found) and bool(
                connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": crew.chance.choice(found)})
            )

    with executing(app, asynchronous=asynchronous) as execute, working(execute) as crew:
        for _ in range(TERMINATIONS):
            crew.wait_for_more(crew.chance.randrange(10))
            wait_until(lambda: terminate(crew), "a connection to terminate")
        crew.wait_for_more(20)
    others.dispose()
    check_store(app, crew.journal())
    check_usable(app)


def test_a_database_that_nobody_can_reach(app: Sequent, on_postgresql: Database) -> None:
    """No projector is blamed, though it was the first to ask for something."""
    proxy = Proxy(on_postgresql.url)
    away = new_app(proxy.url)
    away.execute_commands(AddPost(aggregate_id=away.new_uuid(), author="ben", title="Hi"))
    away.engine.dispose()
    proxy.limit_to(10)
    with pytest.raises(DBAPIError, match="server closed the connection") as found:
        away.execute_commands(AddPost(aggregate_id=away.new_uuid(), author="newcomer", title="Hi"))
    assert found.value.statement is None
    proxy.close()
    away.engine.dispose()
    check_usable(app)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["a thread", "asyncio"])
def test_a_network_that_goes_away_at_any_byte_of_a_command(
    app: Sequent, on_postgresql: Database, asynchronous: bool
) -> None:
    """Cut after every so many bytes, the command is there as a whole, or not at all, and its caller is told so."""
    proxy = Proxy(on_postgresql.url)
    away = new_app(proxy.url)
    journal = [Attempt("<warm-up>", "acknowledged")]
    lost: list[bool] = []
    with executing(away, asynchronous=asynchronous) as execute:
        execute(AddPost(aggregate_id=away.new_uuid(), author="ben", title="<warm-up>"))
        while journal[-1].outcome != "acknowledged" or not lost:
            step = len(journal) * BYTES_A_STEP
            mark = f"<cut-after-{step}>"
            proxy.limit_to(step)
            try:
                execute(AddPost(aggregate_id=away.new_uuid(), author="newcomer", title=mark))
            except DBAPIError as error:
                lost.append(error.connection_invalidated or error.statement is None)
                notes: list[str] = getattr(error, "__notes__", [])
                journal.append(Attempt(mark, "unknown" if notes else "refused", repr(error.orig)))
            else:
                journal.append(Attempt(mark, "acknowledged"))
            proxy.limit_to(10**9)
    assert len(lost) > 10
    assert all(lost)
    assert {"acknowledged", "refused", "unknown"} == {attempt.outcome for attempt in journal}
    proxy.close()
    away.engine.dispose()
    check_store(app, journal)
    check_usable(app)


def test_a_server_that_ends_the_connection_right_after_the_commit(
    app: Sequent, on_postgresql: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What was committed is no error, and the next command gets another connection."""
    proxy = Proxy(on_postgresql.url)
    away = new_app(proxy.url)
    away.execute_commands(AddPost(aggregate_id=away.new_uuid(), author="ben", title="<warm-up>"))

    def ended(answer: bytes) -> bytes:
        if not answer.endswith(READY):
            return answer
        proxy.altered = bytes
        return answer[: -len(READY)] + b"E" + (len(SHUTDOWN) + 4).to_bytes(4) + SHUTDOWN

    proxy.altered = ended
    away.execute_commands(AddPost(aggregate_id=away.new_uuid(), author="ben", title="<ended>"))
    assert proxy.altered is bytes
    assert "the connection broke after it had committed (AdminShutdown)" in caplog.messages
    away.execute_commands(AddPost(aggregate_id=away.new_uuid(), author="ben", title="<after>"))
    proxy.close()
    away.engine.dispose()
    check_store(app, [Attempt(mark, "acknowledged") for mark in ("<warm-up>", "<ended>", "<after>")])
    check_usable(app)
