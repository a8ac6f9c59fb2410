"""Whoever has prepared statements for a table is not told that a replay replaced it by one with other columns."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import NotSupportedError
from sqlalchemy.ext.asyncio import create_async_engine

from sequent_sa import Sequent, on
from sequent_sa.replay.engine import Replay
from tests import blog
from tests.blog import AddComment, CommentAdded, PostRecord, RenamePost
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.test_concurrency import ROOT
from tests.integration.test_replay import add_posts, context, go_through, in_store, wait_for_rows

READ = "SELECT * FROM {}post_records LIMIT 3"


class Wider:
    """A pending view migration after which the same statements have other results."""

    version_table = "view_version"

    def __init__(self, number: int) -> None:
        self.number = number

    def upgrade(self, connection: Connection) -> None:
        schema = (connection.get_execution_options().get("schema_translate_map") or {}).get(
            "view_schema", "view_schema"
        )
        table = f"{schema}.post_records" if schema else "post_records"
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN more_{self.number} integer"))
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"ALTER TABLE {table} ALTER COLUMN title TYPE varchar({300 + self.number})"))


def replace(app: Sequent, number: int = 1) -> None:
    """Replay the same version of the projectors into a table with other columns."""
    go_through(Replay.create(context(app, migrations=Wider(number)), app.projectors))


def read_and_commit(engine: Engine, times: int) -> int:
    """Read in transactions that end with a commit: psycopg forgets what it prepared when they are rolled back."""
    width = 0
    for _ in range(times):
        with engine.begin() as connection:
            width = len(connection.execute(text(READ.format("view_schema."))).mappings().all()[0])
    return width


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "AUTOCOMMIT"])
def test_a_reader_does_not_notice(postgresql_databases: PostgreSQLDatabases, isolation: str) -> None:
    """Its statement is prepared after a few times, and gives the new columns the next time, and the times after it."""
    database = postgresql_databases.create()
    app = blog.new_app("sqlite://").on(create_engine(database.url, pool_size=1, max_overflow=0))
    app.create_all()
    add_posts(app, 3)
    reader = app.engine.execution_options(isolation_level=isolation)
    assert 4 == read_and_commit(reader, 8)
    other = blog.new_app(database.url)
    replace(other)
    assert 5 == read_and_commit(reader, 1)
    assert 5 == read_and_commit(reader, 8)
    replace(other, 2)
    assert 6 == read_and_commit(reader, 2)
    for each in (app, other):
        each.engine.dispose()


def test_a_transaction_in_which_something_happened_already(postgresql_databases: PostgreSQLDatabases) -> None:
    """It cannot begin again by itself: the statement fails, and the next transaction works."""
    database = postgresql_databases.create()
    app = blog.new_app("sqlite://").on(create_engine(database.url, pool_size=1, max_overflow=0))
    app.create_all()
    add_posts(app, 3)
    read_and_commit(app.engine, 8)
    other = blog.new_app(database.url)
    replace(other)
    with app.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(NotSupportedError):
            connection.execute(text(READ.format("view_schema.")))
    assert 5 == read_and_commit(app.engine, 8)
    for each in (app, other):
        each.engine.dispose()


def test_a_coroutine_does_not_notice(postgresql_databases: PostgreSQLDatabases) -> None:
    """Its connections do the same."""
    database = postgresql_databases.create()
    app = blog.new_app(database.url)
    app.create_all()
    add_posts(app, 3)

    async def work() -> list[int]:
        engine = create_async_engine(database.url, pool_size=1, max_overflow=0)
        app.dialect.configure(engine.sync_engine)
        widths: list[int] = []
        for number in range(12):
            if number == 8:
                await asyncio.to_thread(replace, app)
            async with engine.begin() as connection:
                found = await connection.execute(text(READ.format("view_schema.")))
                widths.append(len(found.mappings().all()[0]))
        await engine.dispose()
        return widths

    assert [4] * 8 + [5] * 4 == asyncio.run(work())
    app.engine.dispose()


class ReadingProjector(blog.PostProjector, name="PostProjector"):
    """Reads its own row first, which the statement for it is prepared for."""

    @on(CommentAdded)
    def commented(self, event: CommentAdded) -> None:
        record = self.get_record_or_raise(PostRecord, {"aggregate_id": event.aggregate_id})
        changes = {"comments": record.comments + 1}
        self.update_all_records(PostRecord, {"aggregate_id": event.aggregate_id}, changes)


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_a_command_does_not_notice(postgresql_databases: PostgreSQLDatabases, first: bool) -> None:
    """Neither when the first flight of its transaction meets the new table, nor when a later one does."""
    database = postgresql_databases.create()
    app = Sequent(
        create_engine(database.url, pool_size=1, max_overflow=0),
        command_handlers=[blog.PostCommandHandler],
        projectors=[ReadingProjector],
        environment="test",
    )
    app.create_all()
    (post_id, *_) = add_posts(app, 3)
    for number in range(3):
        app.execute_commands(AddComment(aggregate_id=post_id, text=str(number)))
    other = app.on(database.url)
    replace(other)
    other.engine.dispose()
    commands = [AddComment(aggregate_id=post_id, text="new")]
    app.execute_commands(*([] if first else [RenamePost(aggregate_id=post_id, title="renamed")]), *commands)
    app.execute_commands(AddComment(aggregate_id=post_id, text="last"))
    with app.session() as session:
        assert 6 == session.get_one(PostRecord, post_id).comments
    app.engine.dispose()


WORK = """
import sys
from pathlib import Path
from sqlalchemy import text
from tests import blog
from tests.blog import AddComment, AddPost
app = blog.new_app(sys.argv[1])
done = 0
while not Path(sys.argv[2]).exists():
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title=str(post_id)), retries=20)
    app.execute_commands(AddComment(aggregate_id=post_id, text="x"), retries=20)
    done += 1
    for _ in range(8):
        with app.engine.begin() as connection:
            assert connection.execute(text(sys.argv[3])).all()
        with app.session() as session:
            assert session.get_one(blog.PostRecord, post_id).comments == 1
            session.commit()
app.engine.dispose()
print(done)
"""


def test_processes_that_read_and_write_through_swaps(app: Sequent, database: Database, tmp_path: Path) -> None:
    """Three times their table gets another column, and they go on without an error; no row is lost."""
    read = READ.format("view_schema." if database.is_postgresql else "")
    command = [sys.executable, "-c", WORK, database.url, str(tmp_path / "stop"), read]
    clients = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        for number in range(3):
            wait_for_rows(app, 5 * number + 5)
            replace(app, number)
        wait_for_rows(app, 25)
        (tmp_path / "stop").touch()
        ended = [client.communicate(timeout=90) for client in clients]
    finally:
        for client in clients:
            client.kill()
            client.communicate()
    assert [""] * 2 == [err for _, err in ended]
    with app.session() as session:
        stored = session.scalar(text(f"SELECT count(*) FROM {in_store(database, 'aggregates')}"))
        rows = session.scalar(text(f"SELECT count(*) FROM {read.split()[3]} WHERE comments = 1"))
    assert sum(int(out) for out, _ in ended) == stored == rows
