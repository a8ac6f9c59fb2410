"""The same application from coroutines, on SQLAlchemy's asyncio engines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from sequent_sa import (
    CommandHandler,
    CommandNotValid,
    ConcurrencyError,
    ConfigurationError,
    OptimisticLockingError,
    Secret,
    Sequent,
    Workflow,
    on,
)
from sequent_sa.exceptions import AggregateKeyNotUnique
from tests.blog import (
    AddComment,
    AddPost,
    FailAfterRename,
    Post,
    PostAdded,
    PostProjector,
    PostRecord,
    RenamePost,
    new_app,
)
from tests.databases import Database

ROOT = Path(__file__).parents[2]


async def closing(app: Sequent, *work: Awaitable[object]) -> list[object]:
    """Await all of them at the same time, and close the connections while the event loop still runs."""
    try:
        return list(await asyncio.gather(*work))
    finally:
        await app.async_engine.dispose()


def test_commands_projectors_and_workflows_are_the_same(app: Sequent) -> None:
    """A command from a coroutine stores, projects and has consequences as any other; reading sees it."""
    id_ = app.new_uuid()

    async def work() -> None:
        await app.execute_commands_async(AddPost(aggregate_id=id_, author="newcomer", title="Hi"))
        async with app.session_async() as session:
            record = await session.get_one(PostRecord, id_)
            assert (record.title, record.comments) == ("Hi", 1)

    asyncio.run(closing(app, work()))
    assert app.repository.load_aggregate(id_, Post).comments == ["welcome"]


def test_errors_arrive_and_change_nothing(app: Sequent) -> None:
    """What a command handler raises, an input that is not valid, and a key that is taken."""
    id_ = app.new_uuid()

    async def work() -> None:
        await app.execute_commands_async(AddPost(aggregate_id=id_, author="ben", title="Hi"))
        with pytest.raises(RuntimeError, match="changed my mind"):
            await app.execute_commands_async(FailAfterRename(aggregate_id=id_, title="Ho"))
        with pytest.raises(CommandNotValid):
            await app.execute_commands_async(AddPost(aggregate_id=app.new_uuid(), author="", title="Hi"))
        with pytest.raises(AggregateKeyNotUnique):
            await app.execute_commands_async(AddPost(aggregate_id=app.new_uuid(), author="kim", title="hi"))

    asyncio.run(closing(app, work()))
    assert app.repository.load_aggregate(id_, Post).title == "Hi"


def test_tasks_do_not_share_a_unit_of_work(app: Sequent) -> None:
    """Many tasks at the same time each have their own; races are tried again, and nothing is lost."""
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))

    async def comment(number: int) -> None:
        await app.execute_commands_async(AddComment(aggregate_id=id_, text=str(number)), retries=100)

    async def add(number: int) -> None:
        await app.execute_commands_async(AddPost(aggregate_id=app.new_uuid(), author="kim", title=str(number)))

    work = [*(comment(number) for number in range(10)), *(add(number) for number in range(10))]
    asyncio.run(closing(app, *work))
    assert sorted(app.repository.load_aggregate(id_, Post).comments, key=int) == [str(n) for n in range(10)]
    with app.session() as session:
        assert session.scalar(select(func.count()).select_from(PostRecord)) == 11


def test_a_race_between_tasks_has_one_winner(app: Sequent) -> None:
    """Without retries the losers get the error, and only the winner's change is there."""
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))

    async def comment(number: int) -> str:
        try:
            await app.execute_commands_async(AddComment(aggregate_id=id_, text=str(number)))
        except OptimisticLockingError:
            return ""
        return str(number)

    outcomes = asyncio.run(closing(app, *(comment(number) for number in range(8))))
    winners = [str(outcome) for outcome in outcomes if outcome]
    assert sorted(app.repository.load_aggregate(id_, Post).comments) == sorted(winners)


def test_the_event_loop_goes_on(app: Sequent) -> None:
    """While a command waits for its turn, other coroutines run: one of them ends what it waits for."""
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))
    order: list[str] = []

    async def hold_and_let_go(waits: asyncio.Event) -> None:
        with app.dialect.writing(app.engine) as connection, connection.begin():
            connection.execute(PostRecord.__table__.update().values(comments=7))  # type: ignore[attr-defined]
            waits.set()
            while not order:
                await asyncio.sleep(0.01)
            order.append("let go")

    async def rename(waits: asyncio.Event) -> None:
        await waits.wait()
        order.append("begins")
        await app.execute_commands_async(RenamePost(aggregate_id=id_, title="Ho"))
        order.append("renamed")

    async def both() -> None:
        waits = asyncio.Event()
        await asyncio.gather(hold_and_let_go(waits), rename(waits))

    asyncio.run(closing(app, both()))
    assert order == ["begins", "let go", "renamed"]


def test_what_waits_lets_the_loop_go_on_and_what_computes_does_not(
    app: Sequent, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading, and pausing after a lost race, let others run; hashing does not, nor loading by the coroutine itself."""
    turns: list[str] = []
    let_others_run: dict[str, bool] = {}
    first, second = (AddPost(aggregate_id=app.new_uuid(), author="ben", title=title) for title in ("Hi", "Ho"))
    app.execute_commands(first, second)

    def watched(what: str, work: Callable[[], object]) -> None:
        before = len(turns)
        work()
        let_others_run[what] = len(turns) > before

    class Waiting(CommandHandler):
        @on(RenamePost)
        def rename(self, command: RenamePost) -> None:
            watched("load", lambda: self.repository.load_aggregate(second.aggregate_id))
            watched("hash", Secret("hunter2").hashed)
            if "race" not in let_others_run:
                let_others_run["race"] = True
                raise ConcurrencyError("somebody was faster")

    def sleep(_: float) -> None:
        raise AssertionError("nobody else can run")

    monkeypatch.setattr(time, "sleep", sleep)

    async def others() -> None:
        while True:
            turns.append("others")
            await asyncio.sleep(0)

    async def work() -> None:
        task = asyncio.create_task(others())
        await waiting.execute_commands_async(RenamePost(aggregate_id=first.aggregate_id, title="He"), retries=1)
        watched("synchronous load", lambda: waiting.repository.load_aggregate(first.aggregate_id))
        task.cancel()
        await waiting.async_engine.dispose()

    waiting = Sequent(database.url, command_handlers=[Waiting], projectors=[PostProjector], environment="test")
    asyncio.run(work())
    waiting.engine.dispose()
    assert {"load": True, "hash": False, "race": True, "synchronous load": False} == let_others_run


def test_hooks_may_execute_commands(app: Sequent, database: Database) -> None:
    """A hook that runs after the commit runs in the coroutine as well, in a transaction of its own."""

    class CommentLater(Workflow):
        @on(PostAdded)
        def later(self, event: PostAdded) -> None:
            self.after_commit(lambda: self.execute_commands(AddComment(aggregate_id=event.aggregate_id, text="later")))

    hooked = Sequent(database.url, packages=["tests.blog"], workflows=[CommentLater], environment="test")
    id_ = hooked.new_uuid()
    asyncio.run(closing(hooked, hooked.execute_commands_async(AddPost(aggregate_id=id_, author="ben", title="Hi"))))
    assert app.repository.load_aggregate(id_, Post).comments == ["later"]
    hooked.engine.dispose()


def test_threads_and_coroutines_work_side_by_side(app: Sequent) -> None:
    """The synchronous entrance in a thread of the event loop's uses the ordinary engine."""
    ids: list[UUID] = [app.new_uuid() for _ in range(6)]

    async def work() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            calls = [
                loop.run_in_executor(pool, app.execute_commands, AddPost(aggregate_id=id_, author="t", title=str(id_)))
                for id_ in ids[:3]
            ]
            coroutines = [
                app.execute_commands_async(AddPost(aggregate_id=id_, author="c", title=str(id_))) for id_ in ids[3:]
            ]
            await asyncio.gather(*calls, *coroutines)

    asyncio.run(closing(app, work()))
    assert len(app.repository.load_aggregates(ids, Post)) == 6


def test_a_database_in_memory_is_refused() -> None:
    """An asyncio engine would see another, empty database."""
    app = new_app("sqlite://")
    with pytest.raises(ConfigurationError, match="in memory cannot be seen by a second engine"):
        app.async_engine.connect()


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """Where greenlet is missing, the error names the extra; everything synchronous works."""
    program = f"""
import asyncio, sys
sys.modules["greenlet"] = None
from tests.blog import AddPost, new_app
app = new_app("sqlite:///{tmp_path}/blog.db")
app.create_all()
app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
asyncio.run(app.execute_commands_async(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Ho")))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "ConfigurationError: asyncio needs more packages: pip install 'sequent-sa[async]'" in done.stderr
