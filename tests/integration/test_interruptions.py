"""Whatever ends a unit of work, nothing of it is left: no rows, no lock, no connection, nothing that is still open."""

from __future__ import annotations

import asyncio
import contextvars
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import ClassVar
from uuid import UUID

import pytest
from sqlalchemy import AsyncAdaptedQueuePool, Connection, QueuePool, create_engine, text

from sequent_sa import CommandHandler, Projector, Sequent, UnitOfWorkError, Workflow, on
from sequent_sa.execution.middleware import Next, Request
from tests import blog
from tests.blog import AddComment, AddPost, Post, PostAdded, PostRecord, RenamePost
from tests.databases import Database, PostgreSQLDatabases, SQLiteDatabases
from tests.integration.callers import TellingWorkflow, add, new_app, post, stored
from tests.integration.test_concurrency import ROOT

ATTEMPTS = 25  # as many as interrupted_commands.py makes
PHASES = ["filter", "middleware", "handler", "projector", "workflow", "after commit"]


class Interrupted(BaseException):
    """No `Exception`, as KeyboardInterrupt and CancelledError are none."""


class Trap:
    """Ends what is done in one phase."""

    phase: ClassVar[str] = ""

    @classmethod
    def reached(cls, phase: str) -> None:
        """Raise, if this is the phase."""
        if cls.phase == phase:
            raise Interrupted(phase)


class TrapHandler(CommandHandler):
    @on(AddPost)
    def add(self, command: AddPost) -> None:
        Trap.reached("handler")


class TrapProjector(Projector, manages_tables=None):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.execute_sql("SELECT 1")  # what was written so far is sent
        Trap.reached("projector")


class TrapWorkflow(Workflow):
    @on(PostAdded)
    def added(self, event: PostAdded) -> None:
        self.after_commit(lambda: Trap.reached("after commit"))
        Trap.reached("workflow")


def look(request: Request) -> None:
    """A filter."""
    Trap.reached("filter")


def around(request: Request, execute: Next) -> None:
    """Middleware, which has something to do behind the handlers."""
    execute(request)
    Trap.reached("middleware")


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = Sequent(
        create_engine(database.url, pool_size=1, max_overflow=0, pool_timeout=30),
        packages=["tests.blog"],
        command_handlers=[TrapHandler],
        projectors=[TrapProjector],
        workflows=[TrapWorkflow],
        filters=[look],
        middleware=[around],
        environment="test",
    )
    app.create_all()
    yield app
    Trap.phase = ""
    app.engine.dispose()


def is_clean(app: Sequent) -> bool:
    """Whether no connection is in use, and no unit of work is open here."""
    assert isinstance(app.engine.pool, QueuePool)
    with pytest.raises(UnitOfWorkError, match="no unit of work is open"):
        app.repository.add_aggregate(Post(add(app)))
    return app.engine.pool.checkedout() == 0


@pytest.mark.parametrize("phase", PHASES)
def test_nothing_is_left_of_an_interrupted_command(app: Sequent, phase: str) -> None:
    """Only hooks that run after the commit come too late to undo it. The next command is as any other."""
    app.execute_commands(add(app, "first"))
    Trap.phase = phase
    command = add(app, "second")
    with pytest.raises(Interrupted, match=phase):
        app.execute_commands(command)
    assert is_clean(app)
    committed = phase == "after commit"
    assert ((4, 2) if committed else (2, 1)) == stored(app)
    Trap.phase = ""
    app.execute_commands(add(app, "third"))
    assert ((6, 3) if committed else (4, 2)) == stored(app)


def test_an_interrupt_behind_the_commit_rolls_nothing_back(database: Database) -> None:
    """So no hook is told that it was."""
    app = new_app(database.url)

    def interrupt() -> None:
        raise Interrupted

    def work() -> None:
        with app.unit_of_work() as unit:
            unit.transaction.on_commit(interrupt)
            app.execute_commands(add(app))

    with pytest.raises(Interrupted):
        work()
    assert ([], (2, 1)) == (TellingWorkflow.told, stored(app))
    app.engine.dispose()


@pytest.mark.parametrize("phase", ["handler", "projector", "workflow"])
def test_a_callers_transaction_survives_an_interrupted_command(app: Sequent, phase: str) -> None:
    """What the command sent is undone up to its savepoint, whatever was raised."""
    with app.session() as session:
        app.execute_commands(add(app, "first"), session=session)
        Trap.phase = phase
        with pytest.raises(Interrupted, match=phase):
            app.execute_commands(add(app, "second"), session=session)
        Trap.phase = ""
        app.execute_commands(add(app, "third"), session=session)
        session.commit()
    assert (is_clean(app), stored(app)) == (True, (4, 2))


def waits_for_a_lock(watcher: Connection) -> bool:
    """Whether somebody waits in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(watcher.scalar(text(waiting)))


def when_waiting(watcher: Connection, act: Callable[[], None]) -> None:
    """Do something in the main thread as soon as somebody waits for a lock."""

    def look_again(*_: object) -> None:
        if waits_for_a_lock(watcher):
            act()
        else:
            signal.setitimer(signal.ITIMER_REAL, 0.02)

    signal.signal(signal.SIGALRM, look_again)
    signal.setitimer(signal.ITIMER_REAL, 0.02)


@pytest.fixture
def locked(postgresql_databases: PostgreSQLDatabases) -> Generator[tuple[Sequent, UUID, Connection], None, None]:
    """A post that somebody else holds, so that whoever renames it waits in the middle of a burst."""
    database = postgresql_databases.create()
    app = Sequent(
        create_engine(database.url, pool_size=1, max_overflow=0, pool_timeout=30),
        packages=["tests.blog"],
        environment="test",
    )
    app.create_all()
    command = add(app)
    app.execute_commands(command)
    with database.engine.connect() as holder, database.engine.connect() as watcher:
        watcher.execution_options(isolation_level="AUTOCOMMIT")
        holder.exec_driver_sql("SELECT 1 FROM sequent_schema.aggregates FOR UPDATE")
        yield app, command.aggregate_id, watcher
        holder.rollback()
    app.engine.dispose()


def test_interrupts_of_a_process_at_any_moment(database: Database) -> None:
    """After Control-C a command is there as a whole or not at all, no connection is in use, and the next one works."""
    app = blog.new_app(database.url)
    app.create_all()
    app.engine.dispose()
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.interrupted_commands", database.url],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (0, "") == (done.returncode, done.stderr)
    found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert ATTEMPTS == len(found)
    assert {0} == {in_use for _, in_use, _, _ in found}
    assert {(0, ()), (3, (1,))} >= {(stored, tuple(comments)) for _, _, stored, comments in found}
    assert [False, 0, 3, [1]] == list(found[-1])


def test_an_interrupt_in_the_middle_of_a_burst(locked: tuple[Sequent, UUID, Connection]) -> None:
    """Control-C while the server works: the transaction is gone, and the connection good or replaced."""
    app, post_id, watcher = locked

    def interrupt() -> None:
        raise KeyboardInterrupt

    called: list[str] = []
    before = signal.getsignal(signal.SIGALRM)
    when_waiting(watcher, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), app.unit_of_work() as unit:  # noqa: PT012 - a block is the point
            unit.after_rollback.append(lambda: called.append("rolled back"))
            app.execute_commands(RenamePost(aggregate_id=post_id, title="interrupted"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (is_clean(app), waits_for_a_lock(watcher), post(app, post_id).title) == (True, False, "Hi")
    assert ["rolled back"] == called  # the server said that it gave up
    app.execute_commands(add(app, "next"))
    assert stored(app) == (4, 2)


@pytest.mark.parametrize("joined", [False, True], ids=["own", "joined"])
def test_a_task_that_is_cancelled_in_the_middle_of_a_burst(
    locked: tuple[Sequent, UUID, Connection], joined: bool
) -> None:
    """The event loop goes on, the server is told, and the next task gets a connection that works."""
    app, post_id, watcher = locked

    async def rename() -> None:
        command = RenamePost(aggregate_id=post_id, title="cancelled")
        if not joined:
            await app.execute_commands_async(command)
            return
        async with app.session_async() as session:
            await app.execute_commands_async(command, session=session)
            await session.commit()

    async def work() -> None:
        task = asyncio.create_task(rename())
        while not waits_for_a_lock(watcher):
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not waits_for_a_lock(watcher)
        for number in range(3):
            await app.execute_commands_async(add(app, f"next {number}"))
        pool = app.async_engine.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == 0
        await app.async_engine.dispose()

    asyncio.run(work())
    assert (post(app, post_id).title, stored(app)) == ("Hi", (8, 4))


@pytest.mark.parametrize("joined", [False, True], ids=["own", "joined"])
def test_a_task_that_is_cancelled_while_it_waits_for_the_one_writer(
    sqlite_databases: SQLiteDatabases, joined: bool
) -> None:
    """The lock that its thread gets later is given back, and so is the connection; the next task can write."""
    database = sqlite_databases.create()
    app = Sequent(create_engine(database.url, pool_size=1, max_overflow=0), packages=["tests.blog"], environment="test")
    app.create_all()

    async def write() -> None:
        if not joined:
            await app.execute_commands_async(add(app, "cancelled"))
            return
        async with app.session_async() as session:
            await app.execute_commands_async(add(app, "cancelled"), session=session)
            await session.commit()

    async def work() -> None:
        pool = app.async_engine.pool
        assert isinstance(pool, QueuePool | AsyncAdaptedQueuePool)
        await app.execute_commands_async(add(app, "first"))  # so that the pool has its connection
        with app.dialect.writing(app.engine) as holder, holder.begin():
            task = asyncio.create_task(write())
            while pool.checkedout() == 0:
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pool.checkedout() == 0
        for number in range(3):
            await app.execute_commands_async(add(app, f"next {number}"))
        await app.async_engine.dispose()

    asyncio.run(work())
    app.execute_commands(add(app, "by a thread"))
    assert (True, (10, 5)) == (is_clean(app), stored(app))
    app.engine.dispose()


def test_tasks_that_are_cancelled_at_any_moment(app: Sequent) -> None:
    """Each comment is there with its row or not at all, and everybody else goes on."""
    command = add(app)
    app.execute_commands(command)
    done: set[str] = set()

    async def comment(number: int) -> None:
        await app.execute_commands_async(AddComment(aggregate_id=command.aggregate_id, text=str(number)), retries=50)
        done.add(str(number))

    async def work() -> None:
        tasks = [asyncio.create_task(comment(number)) for number in range(30)]
        while len(done) < 3:
            await asyncio.sleep(0)
        for task in tasks[::2]:
            await asyncio.sleep(0.001)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await comment(99)
        await app.async_engine.dispose()

    asyncio.run(work())
    comments = post(app, command.aggregate_id).comments
    assert ("99", len(set(comments))) == (comments[-1], len(comments))
    assert done <= set(comments)
    with app.session() as session:
        assert session.get_one(PostRecord, command.aggregate_id).comments == len(comments)


def test_more_tasks_than_connections(app: Sequent) -> None:
    """They take turns, on an engine that was made from the application's URL."""

    async def work() -> None:
        await asyncio.gather(*(app.execute_commands_async(add(app, str(number))) for number in range(50)))
        await app.async_engine.dispose()

    asyncio.run(work())
    assert stored(app) == (100, 50)


def test_a_thread_with_a_copied_context_has_a_unit_of_work_of_its_own(database: Database) -> None:
    """Reading and commands work there as if nothing was open; what would change somebody else's unit is refused."""
    app = new_app(database.url)
    command = add(app)
    app.execute_commands(command)

    def read() -> tuple[str | None, bool]:
        first, second = (app.repository.load_aggregate(command.aggregate_id, Post) for _ in range(2))
        return first.title, first is second

    async def work() -> None:
        with app.unit_of_work() as unit:
            assert await asyncio.to_thread(read) == ("Hi", False)
            with pytest.raises(UnitOfWorkError, match="belongs to another thread or task"):
                await asyncio.to_thread(app.repository.add_aggregate, Post(add(app)))
            await asyncio.to_thread(app.execute_commands, add(app, "Ho"))
            assert unit.aggregates == {}
            task = asyncio.create_task(app.execute_commands_async(add(app, "He")))
            await task
        await app.async_engine.dispose()

    asyncio.run(work())
    assert stored(app) == (6, 3)
    app.engine.dispose()


def test_a_generator_that_is_closed_in_another_context(app: Sequent) -> None:
    """Its unit of work is rolled back, and is nobody's any more in the context where it began."""
    command = add(app)

    def renaming() -> Generator[Post, None, None]:
        with app.unit_of_work():
            app.execute_commands(command)
            yield app.repository.load_aggregate(command.aggregate_id, Post)

    def close(opened: Generator[Post, None, None]) -> None:
        opened.close()

    for context in (contextvars.copy_context(), None):
        opened = renaming()
        assert next(opened).title == "Hi"
        if context is None:
            close(opened)
        else:
            context.run(close, opened)
        assert (is_clean(app), stored(app)) == (True, (0, 0))


def test_a_unit_of_work_of_a_thread_that_ended_is_nobodys(app: Sequent) -> None:
    """Thread pools use their threads again."""
    thread = threading.Thread(target=lambda: app.execute_commands(add(app, "first")))
    thread.start()
    thread.join()
    app.execute_commands(add(app, "second"))
    assert (is_clean(app), stored(app)) == (True, (4, 2))
