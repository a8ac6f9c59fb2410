"""A PostgreSQL server that cannot write its log stops at once; what it had acknowledged is there when it is back."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sequent_sa import Sequent
from tests.blog import AddPost, new_app
from tests.databases import PostgreSQLServer
from tests.databases.server import SERVER_URL
from tests.databases.waiting import wait_until
from tests.faults.checker import check_store, check_usable
from tests.faults.test_full_disks import MEBIBYTE, limit_files
from tests.faults.workload import Attempt

COMMANDS = 12
LESS_THAN_A_LOG_FILE = 15 * MEBIBYTE  # more than tables have when the log begins a file


@pytest.fixture
def app() -> Iterator[Sequent]:
    """The blog on a server of its own, which starts again after it had to stop."""
    server = PostgreSQLServer.start_own("synchronous_commit=on", "restart_after_crash=on")
    app = new_app(server.url)
    app.create_all()
    yield app
    app.engine.dispose()
    server.stop()


def is_back(app: Sequent) -> bool:
    """Whether somebody can connect."""
    try:
        with app.engine.connect() as connection:
            return bool(connection.scalar(text("SELECT true")))
    except DBAPIError:
        return False


@pytest.mark.skipif(SERVER_URL in os.environ, reason="needs to reach the processes of the server")
def test_a_server_that_cannot_write_its_log(app: Sequent) -> None:
    """Its clients lose their connections in the middle of a command, and go on with the same pool."""
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="<first>"))
    with app.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()")) or 0
    limit_files(pid, LESS_THAN_A_LOG_FILE)
    journal = [Attempt("<first>", "acknowledged")]
    for number in range(COMMANDS):
        mark = f"<large-{number}>"
        author = mark + os.urandom(MEBIBYTE).hex()  # random digits, which the server cannot compress
        try:
            app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author=author, title=f"large {number}"))
        except DBAPIError as error:
            journal.append(Attempt(mark, "unknown" if error.connection_invalidated else "refused", str(error.orig)))
            break
        journal.append(Attempt(mark, "acknowledged"))
    assert "unknown" == journal[-1].outcome, journal[-1]
    wait_until(lambda: is_back(app), "the server to start again")
    check_store(app, journal)
    check_usable(app)
    check_store(app, journal)
