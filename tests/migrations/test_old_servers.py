"""PostgreSQL before version 15 is refused: the server's own answer says that it is older than it is."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, make_url

from sequent_sa import ConfigurationError, Sequent
from sequent_sa.database import create_database, create_event_store, database_exists
from tests.blog import AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.databases.proxy import Proxy

ROOT = Path(__file__).parents[2]
TOO_OLD = r"needs PostgreSQL 15 or later, this server is PostgreSQL 14\.\d+: upgrade it"


def saying(version: bytes) -> Callable[[bytes], bytes]:
    """Alters the version that a server tells every new client."""
    return lambda answer: re.sub(rb"(?<=server_version\0)\d\d", version, answer)


@pytest.fixture
def database(postgresql_databases: PostgreSQLDatabases) -> Database:
    return postgresql_databases.create()


@pytest.fixture
def server(database: Database) -> Iterator[Proxy]:
    proxy = Proxy(database.url)
    proxy.altered = saying(b"14")
    yield proxy
    proxy.close()


@pytest.fixture
def app(server: Proxy) -> Iterator[Sequent]:
    app = new_app(server.url)
    yield app
    app.engine.dispose()


def test_nothing_is_done_with_it(app: Sequent, database: Database) -> None:
    """Tables are not made, commands not executed, nothing is read: the error names both versions."""
    post_id = app.new_uuid()
    uses: list[Callable[[], object]] = [
        app.create_all,
        lambda: create_event_store(app.engine),
        lambda: app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi")),
        lambda: app.repository.find_aggregate(post_id),
    ]
    for use in uses:
        with pytest.raises(ConfigurationError, match=TOO_OLD):
            use()
    assert "sequent_schema" not in inspect(database.engine).get_schema_names()


def test_coroutines_do_nothing_with_it(app: Sequent) -> None:
    """The asyncio engine is as strict."""

    async def work() -> None:
        try:
            await app.execute_commands_async(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
        finally:
            await app.async_engine.dispose()

    with pytest.raises(ConfigurationError, match=TOO_OLD):
        asyncio.run(work())


def test_no_database_is_created_on_it(server: Proxy, database: Database) -> None:
    """`sequent db create` says so in one line, and leaves nothing behind."""
    another = f"{make_url(database.url).database}_another"
    away, here = (
        make_url(url).set(database=another).render_as_string(hide_password=False) for url in (server.url, database.url)
    )
    with pytest.raises(ConfigurationError, match=TOO_OLD):
        create_database(away)
    program = [sys.executable, "-m", "sequent_sa.cli", "--app", "tests.ledger.app:app", "db", "create"]
    environment = os.environ | {"DATABASE_URL": away}
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (1, 1) == (done.returncode, len(done.stderr.splitlines())), done.stderr
    assert re.search(TOO_OLD, done.stderr)
    assert not database_exists(here)


def test_version_15_is_good(app: Sequent, server: Proxy) -> None:
    """The oldest that is."""
    server.altered = saying(b"15")
    app.create_all()
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    assert 1 == len(list(app.event_log.aggregate_ids()))
