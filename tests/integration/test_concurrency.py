"""Many at once: threads and processes lose nothing, and the slower of two gives way."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sequent_sa import LockTimeout, OptimisticLockingError, Sequent, UnitOfWorkError
from sequent_sa.dialects.sqlite import connections
from sequent_sa.tables import events
from tests.blog import AddComment, AddPost, Post, PostRecord, new_app
from tests.databases import Database, SQLiteDatabases

ROOT = Path(__file__).parents[2]

ADD_POSTS = """
import sys
from tests.blog import AddPost, new_app
url, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
app = new_app(url)
for i in range(number):
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=name, title=f"{name} {i}"))
"""


def rows(app: Sequent) -> tuple[int, int]:
    """The numbers of events and of records."""
    with app.session() as session:
        return (
            session.scalar(select(func.count()).select_from(events)) or 0,
            session.scalar(select(func.count()).select_from(PostRecord)) or 0,
        )


def test_two_threads_lose_nothing(app: Sequent) -> None:
    """Every post of both threads is there, with all its events."""

    def add(name: str) -> None:
        for i in range(25):
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=name, title=f"{name} {i}"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, ["ben", "kim"]))
    assert rows(app) == (100, 50)


def test_two_processes_lose_nothing(app: Sequent, database: Database) -> None:
    """Every post of both processes is there, with all its events."""
    processes = [
        subprocess.Popen([sys.executable, "-c", ADD_POSTS, database.url, name, "25"], cwd=ROOT)
        for name in ("ben", "kim")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    assert rows(app) == (100, 50)


def test_of_two_transactions_on_one_aggregate_the_second_gives_way(app: Sequent) -> None:
    """Both loaded version 2; one appends, the other fails with OptimisticLockingError, or waits and succeeds."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))
    barrier = threading.Barrier(8)
    outcomes: list[BaseException | None] = []

    def comment(number: int) -> None:
        barrier.wait()
        try:
            app.execute_commands(AddComment(aggregate_id=post_id, text=str(number)))
            outcomes.append(None)
        except OptimisticLockingError as error:
            outcomes.append(error)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(comment, range(8)))
    stored = app.repository.load_aggregate(post_id, Post).comments
    assert outcomes.count(None) == len(stored)
    assert len(outcomes) == 8
    assert len(stored) >= 1


def test_a_stale_append_is_refused(app: Sequent) -> None:
    """An aggregate loaded before somebody else's commit cannot be committed after it, on PostgreSQL."""
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi"))

    def interleave() -> None:
        with app.unit_of_work():
            app.repository.load_aggregate(post_id, Post).comment("late")
            in_thread(lambda: app.execute_commands(AddComment(aggregate_id=post_id, text="early")))
            app.repository.commit(AddComment(aggregate_id=post_id, text="late"))

    if app.dialect.name == "postgresql":
        with pytest.raises(OptimisticLockingError, match=str(post_id)):
            interleave()
        assert app.repository.load_aggregate(post_id, Post).comments == ["early"]
    else:
        with app.unit_of_work():
            app.repository.load_aggregate(post_id, Post)
            waiting = threading.Thread(
                target=lambda: app.execute_commands(AddComment(aggregate_id=post_id, text="waited"))
            )
            waiting.start()
            app.execute_commands(AddComment(aggregate_id=post_id, text="first"))
        waiting.join()
        assert app.repository.load_aggregate(post_id, Post).comments == ["first", "waited"]


def test_a_unit_of_work_stays_in_its_thread(app: Sequent) -> None:
    """Another thread that gets hold of it is told so; a command there has a unit of its own."""
    import contextvars  # noqa: PLC0415 - only here

    with app.unit_of_work():
        context = contextvars.copy_context()
        with pytest.raises(UnitOfWorkError, match="another thread"):
            in_thread(lambda: context.run(app.repository.add_aggregate, Post(add(app))))


def test_waiting_for_the_one_writer_has_a_limit(
    sqlite_databases: SQLiteDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another transaction does not end, the error says what happened, and nothing is stored."""
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.2)
    app = new_app(sqlite_databases.create().url)
    app.create_all()
    with (
        app.dialect.writing(app.engine) as connection,
        connection.begin(),
        pytest.raises(LockTimeout, match="execute the command again"),
    ):
        app.execute_commands(add(app))
    assert rows(app) == (0, 0)
    app.execute_commands(add(app))
    assert rows(app) == (2, 1)
    app.engine.dispose()


def add(app: Sequent) -> AddPost:
    """A command that is valid."""
    return AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi")


def in_thread(work: Callable[[], object]) -> None:
    """Do something in a thread of its own, and raise here what it raised there."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()
