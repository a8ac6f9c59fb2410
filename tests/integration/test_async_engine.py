"""The asyncio engine is made as the engine that the application was given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import AsyncAdaptedQueuePool, Engine, NullPool, Pool, QueuePool, StaticPool, create_engine, event, text

from sequent_sa import Sequent
from tests.blog import AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases, SQLiteDatabases


def add(app: Sequent) -> AddPost:
    """A new post."""
    aggregate_id = app.new_uuid()
    return AddPost(aggregate_id=aggregate_id, author="ben", title=str(aggregate_id))


def settings(engine: Engine) -> dict[str, Any]:
    """How an engine treats its connections."""
    pool = engine.pool
    assert isinstance(pool, QueuePool | AsyncAdaptedQueuePool)
    found = {name: vars(pool)[name] for name in ("_max_overflow", "_timeout", "_recycle", "_pre_ping")}
    return {**found, "size": pool.size(), "hidden": engine.hide_parameters}


async def use(app: Sequent, statement: str = "SELECT 1") -> object:
    """Execute a command, and look what a connection answers."""
    await app.execute_commands_async(add(app))
    async with app.session_async() as session:
        answer = await session.scalar(text(statement))
    await app.async_engine.dispose()
    return answer


def test_the_pool_is_taken_over(database: Database) -> None:
    """Its size and limits, and whether parameters are shown in errors."""
    engine = create_engine(
        database.url,
        pool_size=3,
        max_overflow=1,
        pool_timeout=7,
        pool_recycle=600,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    app = new_app(engine)
    app.create_all()
    assert 1 == asyncio.run(use(app))
    assert settings(app.engine) == settings(app.async_engine.sync_engine)
    assert (3, True) == (settings(engine)["size"], settings(engine)["hidden"])
    app.engine.dispose()


@pytest.mark.parametrize("given", [NullPool, StaticPool])
def test_other_pools(sqlite_databases: SQLiteDatabases, given: type[Pool]) -> None:
    """No pool stays no pool; of others there is the ordinary one for asyncio."""
    database = sqlite_databases.create()
    app = new_app(create_engine(database.url, poolclass=given))
    app.create_all()
    assert 1 == asyncio.run(use(app))
    expected: type[Pool] = NullPool if given is NullPool else AsyncAdaptedQueuePool
    assert expected is type(app.async_engine.sync_engine.pool)
    app.engine.dispose()


def test_arguments_for_connecting_are_taken_over(postgresql_databases: PostgreSQLDatabases) -> None:
    """What the server knows of a connection is the same."""
    engine = create_engine(postgresql_databases.create().url, connect_args={"application_name": "the blog"})
    app = new_app(engine)
    app.create_all()
    assert "the blog" == asyncio.run(use(app, "SHOW application_name"))
    app.engine.dispose()


def test_arguments_are_asked_for_at_each_connection(postgresql_databases: PostgreSQLDatabases) -> None:
    """A password that changes, for example, comes from the listener that the owner of the engine has registered."""
    engine = create_engine(postgresql_databases.create().url, poolclass=NullPool)
    names = iter(range(1000))

    @event.listens_for(engine, "do_connect")
    def named(_dialect: Any, _record: Any, _positional: Any, arguments: dict[str, Any]) -> None:  # pyright: ignore[reportUnusedFunction]
        arguments["application_name"] = f"connection {next(names)}"

    app = new_app(engine)
    app.create_all()
    first, second = (asyncio.run(use(app, "SHOW application_name")) for _ in range(2))
    assert (True, True) == (str(first).startswith("connection "), first != second)
    with engine.connect() as connection:  # asking disturbed nobody
        assert str(connection.scalar(text("SHOW application_name"))).startswith("connection ")


def test_arguments_of_sqlite_are_taken_over(sqlite_databases: SQLiteDatabases) -> None:
    """Those of its driver mean the same to the driver for asyncio."""
    database = sqlite_databases.create()
    app = new_app(create_engine(database.url, connect_args={"cached_statements": 7, "timeout": 3.5}))
    app.create_all()
    seen: list[dict[str, Any]] = []

    def note(_dialect: Any, _record: Any, _positional: Any, arguments: dict[str, Any]) -> None:
        seen.append(dict(arguments))

    event.listen(app.async_engine.sync_engine, "do_connect", note)
    assert 1 == asyncio.run(use(app))
    assert {(7, 3.5)} == {(each["cached_statements"], each["timeout"]) for each in seen}
    app.engine.dispose()


def test_who_makes_connections_himself_does_it_for_asyncio_too(postgresql_databases: PostgreSQLDatabases) -> None:
    """A `creator` makes connections of another kind, so the URL is what counts; none of its connections stays open."""
    url = postgresql_databases.create().url
    ordinary = create_engine(url)
    made: list[Any] = []

    def creator() -> Any:
        connection: Any = _connect(ordinary)
        made.append(connection)
        return connection

    app = new_app(create_engine(url, creator=creator))
    app.create_all()
    assert 1 == asyncio.run(use(app))
    app.engine.dispose()
    assert {True} == {connection.closed for connection in made}
    ordinary.dispose()


def _connect(engine: Engine) -> Any:
    positional, arguments = engine.dialect.create_connect_args(engine.url)
    return engine.dialect.connect(*positional, **arguments)
