"""Many want the same aggregate: who has lost a race holds it the next time, and everybody gets his turn."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from sequent_sa import Sequent
from sequent_sa.execution import command_service
from sequent_sa.execution.middleware import Next, Request
from tests.blog import AddComment, AddPost, RenamePost, new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.callers import post
from tests.integration.test_concurrency import ROOT

CLIENTS, COMMANDS = 8, 10
PROCESSES = 3
COMMENT = """
import sys
from uuid import UUID
from tests.blog import AddComment, new_app
url, post_id, client, number = sys.argv[1:]
app = new_app(url)
app.repository.contains_aggregate(UUID(post_id))
print("ready", flush=True)
sys.stdin.readline()
for i in range(int(number)):
    app.execute_commands(AddComment(aggregate_id=UUID(post_id), text=f"{client} {i}"), retries=1)
app.engine.dispose()
"""


def test_no_process_starves(database: Database) -> None:
    """One that lost a race is next, or waits for the one writer; all begin together, and each gets all of its turns."""
    id_ = new_post(database.url)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COMMENT, database.url, str(id_), str(client), str(COMMANDS)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for client in range(PROCESSES)
    ]
    assert ["ready\n"] * PROCESSES == [process.stdout.readline() for process in processes if process.stdout]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=300)
    assert [0] * PROCESSES == [process.returncode for process in processes]
    app = new_app(database.url)
    comments = post(app, id_).comments
    for client in range(PROCESSES):
        own = [comment for comment in comments if comment.startswith(f"{client} ")]
        assert [f"{client} {number}" for number in range(COMMANDS)] == own
    assert PROCESSES * COMMANDS == len(comments)
    app.engine.dispose()


@pytest.fixture
def database_url(postgresql_databases: PostgreSQLDatabases) -> str:
    """SQLite has one writer, who holds everything."""
    return postgresql_databases.create().url


def blog(url: str, tries: Counter[str]) -> Sequent:
    """The blog, which counts how often each comment was tried."""

    def counted(request: Request, execute: Next) -> None:
        if isinstance(request, AddComment):
            tries[request.text] += 1
        execute(request)

    return Sequent(url, packages=["tests.blog"], middleware=[counted], environment="test")


@pytest.fixture
def post_id(database_url: str) -> UUID:
    """A post that everybody comments."""
    return new_post(database_url)


def new_post(url: str) -> UUID:
    """A post in a new blog."""
    app = new_app(url)
    app.create_all()
    app.register_types()
    id_ = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=id_, author="ben", title="Hi"))
    app.engine.dispose()
    return id_


def test_two_tries_are_enough(database_url: str, post_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for its turn, and cannot lose; so nobody pauses, and nobody is late."""
    pauses: list[float] = []
    monkeypatch.setattr(command_service, "pause", pauses.append)
    tries: Counter[str] = Counter()
    app = blog(database_url, tries)

    def work(client: int) -> None:
        for number in range(COMMANDS):
            app.execute_commands(AddComment(aggregate_id=post_id, text=f"{client} {number}"), retries=1)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    assert CLIENTS * COMMANDS == len(post(app, post_id).comments) == len(tries)
    assert (2, []) == (max(tries.values()), pauses)
    app.engine.dispose()


def test_only_what_was_lost_is_held(database_url: str, post_id: UUID) -> None:
    """Others change other aggregates meanwhile, and what is loaded is what the winner left."""
    app = new_app(database_url)
    other_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=other_id, author="ben", title="Other"))
    seen: list[list[str]] = []

    def race(request: Request, execute: Next) -> None:
        loaded = post(losing, post_id)
        losing.repository.load_aggregate(other_id)
        seen.append(list(loaded.comments))
        with ThreadPoolExecutor(1) as pool:
            if len(seen) == 1:
                pool.submit(app.execute_commands, AddComment(aggregate_id=post_id, text="faster")).result(30)
            pool.submit(app.execute_commands, RenamePost(aggregate_id=other_id, title=f"at {len(seen)}")).result(30)
        execute(request)

    losing = Sequent(database_url, packages=["tests.blog"], middleware=[race], environment="test")
    losing.execute_commands(AddComment(aggregate_id=post_id, text="slower"), retries=1)
    assert [[], ["faster"]] == seen
    assert (["faster", "slower"], "at 2") == (post(app, post_id).comments, post(app, other_id).title)
    for each in (app, losing):
        each.engine.dispose()
