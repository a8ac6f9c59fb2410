"""When there is no more space a command is refused as a whole, and the application goes on once there is some."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from sequent_sa import EventStoreError, Sequent
from tests.blog import AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases, SQLiteDatabases
from tests.databases.server import SERVER_URL
from tests.faults.checker import check_store, check_usable
from tests.faults.workload import Attempt, Worker, command_line, outcomes

ROOT = Path(__file__).parents[2]
LARGE = 100_000
MORE_PAGES = 200
MEBIBYTE = 2**20
MOST_LARGE = 20
STATES = {
    "disk_full": "look at the space",
    "out_of_memory": "look at the space",
    "io_error": "look at the space",
    "undefined_file": "look for damage",
    "internal_error": "look for damage",
    "data_corrupted": "look for damage",
}
"""What PostgreSQL calls its own errors, and what the user is told."""


@pytest.fixture
def on_sqlite(sqlite_databases: SQLiteDatabases) -> Iterator[tuple[Sequent, Database]]:
    """The blog there."""
    database = sqlite_databases.create()
    app = new_app(database.url)
    app.create_all()
    yield app, database
    app.engine.dispose()


def refused(journal: list[Attempt]) -> list[Attempt]:
    """What was refused for want of space."""
    return [each for each in journal if "full" in each.said or "disk I/O" in each.said or "extend file" in each.said]


def test_a_database_that_may_grow_no_more(on_sqlite: tuple[Sequent, Database]) -> None:
    """SQLite has as many pages as it may have; whatever needs another one is refused."""
    app, _ = on_sqlite
    most: list[int] = []

    @event.listens_for(app.engine, "checkout")
    def limit(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        for number in most:
            cursor.execute(f"PRAGMA max_page_count = {number}")
        cursor.close()

    with app.engine.connect() as connection:
        most.append((connection.scalar(text("PRAGMA page_count")) or 0) + MORE_PAGES)
    lines: list[str] = []
    Worker(app.execute_commands, "large", 1, lines.append, "x" * LARGE).run(range(60))
    assert len(refused(outcomes(lines))) > 5
    assert any(attempt.outcome == "acknowledged" for attempt in outcomes(lines))
    assert not any("PublishEventError" in each.said for each in outcomes(lines))  # no projector is blamed
    check_store(app, outcomes(lines))
    most[:] = [2**30]
    check_usable(app)
    check_store(app, outcomes(lines))


def test_a_file_that_is_damaged(on_sqlite: tuple[Sequent, Database]) -> None:
    """The error says where to look, and does not speak of space."""
    app, database = on_sqlite
    app.engine.dispose()
    path = Path(str(database.engine.url.database))
    path.write_bytes(b"SQLite" + bytes(path.stat().st_size - 6))
    with pytest.raises(EventStoreError, match=r"(file is not a database|malformed).*look for damage"):
        app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))


def test_a_process_that_may_write_no_more(on_sqlite: tuple[Sequent, Database]) -> None:
    """The operating system refuses to let SQLite's log grow, in the middle of whatever is written."""
    app, database = on_sqlite
    app.engine.dispose()
    command = command_line(database.url, "large", 1, 60, MEBIBYTE // 2, LARGE)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    journal = outcomes(done.stdout.splitlines())
    assert len(refused(journal)) > 5
    assert any(attempt.outcome == "acknowledged" for attempt in journal)
    check_store(app, journal)
    check_usable(app)
    check_store(app, journal)


def test_no_projector_is_blamed_for_what_the_server_lacks(postgresql_databases: PostgreSQLDatabases) -> None:
    """When it is the view table for which PostgreSQL has no space, too; and damage is not taken for want of it."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE 'told so' USING ERRCODE = NEW.author; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER failing BEFORE INSERT ON view_schema.post_records FOR EACH ROW EXECUTE FUNCTION failing()"
        )
    for state, advice in STATES.items():
        with pytest.raises(EventStoreError, match=rf"(?s)told so.*{advice}"):
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=state, title=f"<{state}>"))
    with app.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER failing ON view_schema.post_records")
    check_store(app, [Attempt(f"<{state}>", "refused") for state in STATES])
    check_usable(app)
    app.engine.dispose()


def limit_files(pid: int, size: int) -> None:
    """Let no file become larger by what a process writes. Only its own user may say so."""
    owner = Path(f"/proc/{pid}").stat()
    command = ["prlimit", f"--pid={pid}", f"--fsize={size}:"]
    subprocess.run(command, user=owner.st_uid, group=owner.st_gid, check=True)


@pytest.mark.skipif(SERVER_URL in os.environ, reason="needs to reach the processes of the server")
def test_a_server_that_may_write_no_more(postgresql_databases: PostgreSQLDatabases) -> None:
    """The operating system refuses to let a table of PostgreSQL grow; the transaction ends, the connection goes on."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    lines: list[str] = []
    Worker(app.execute_commands, "before", 1, lines.append).run(range(10))
    with app.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()")) or 0
    limit_files(pid, 17 * MEBIBYTE)  # more than a file of the log has: without that one the whole server would end
    journal = outcomes(lines)
    for number in range(MOST_LARGE):
        mark = f"<large-{number}>"
        # Random digits, which the server cannot compress.
        author = mark + os.urandom(MEBIBYTE).hex()
        try:
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=author, title=f"large {number}"))
        except EventStoreError as error:  # and no projector is blamed
            journal.append(Attempt(mark, "refused", str(error)))
        else:
            journal.append(Attempt(mark, "acknowledged"))
    assert len(refused(journal)) > 2
    assert all("look at the space" in attempt.said for attempt in refused(journal))
    assert any(attempt.outcome == "acknowledged" for attempt in journal[-MOST_LARGE:])
    with app.engine.connect() as connection:
        assert pid == connection.scalar(text("SELECT pg_backend_pid()"))
    check_store(app, journal)
    app.engine.dispose()  # the limit goes with the connection
    check_usable(app)
    check_store(app, journal)
    app.engine.dispose()
