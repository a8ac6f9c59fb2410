"""The store is correct under one isolation level, and accepts no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from sequent_sa import ConfigurationError, Sequent
from sequent_sa.dialects.postgresql.connections import check_connection
from tests.blog import AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.databases.waiting import wait_until

OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


def _of_the_engine(database: Database) -> Engine:
    return create_engine(database.url, isolation_level="SERIALIZABLE")


def _of_the_session(database: Database) -> Engine:
    options = "-c default_transaction_isolation=serializable"
    return create_engine(make_url(database.url).update_query_dict({"options": options}))


def _of_the_database(database: Database) -> Engine:
    name = database.engine.url.database
    with database.engine.begin() as connection:
        connection.execute(text(f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'"))
    return create_engine(database.url)


@pytest.fixture
def database(postgresql_databases: PostgreSQLDatabases) -> Database:
    """A database whose tables are there."""
    database = postgresql_databases.create()
    app = new_app(database.url)
    app.create_all()
    app.engine.dispose()
    return database


@pytest.mark.parametrize("configured", [_of_the_engine, _of_the_session, _of_the_database])
def test_other_levels_are_refused(database: Database, configured: Callable[[Database], Engine]) -> None:
    """Wherever the level was set: an error that names both, before anything is read or written.

    The connection is closed at once, whoever keeps the engine and the error.
    """
    engine = configured(database)
    app = Sequent(engine, packages=["tests.blog"], environment="test")
    post_id = app.new_uuid()
    uses: list[Callable[[], object]] = [
        lambda: app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="Hi")),
        lambda: app.repository.find_aggregate(post_id),
    ]
    refusals: list[BaseException] = []
    for use in uses:
        with pytest.raises(
            ConfigurationError, match=r"needs .*READ COMMITTED, .*(SERIALIZABLE|REPEATABLE READ)"
        ) as refused:
            use()
        refusals.append(refused.value)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        wait_until(lambda: connection.scalar(OTHERS) == 0, f"connections to end while {refusals!r} are alive")
    engine.dispose()


def test_what_is_refused_is_closed(postgresql_databases: PostgreSQLDatabases) -> None:
    """At once, also where SQLAlchemy would leave a connection open whose set-up fails."""
    engine = _of_the_session(postgresql_databases.create())
    positional, arguments = engine.dialect.create_connect_args(engine.url)
    connection: Any = engine.dialect.connect(*positional, **arguments)
    with pytest.raises(ConfigurationError, match="SERIALIZABLE"):
        check_connection(connection, connection)
    assert connection.closed


def test_what_an_application_reads_elsewhere_is_its_own_business(database: Database) -> None:
    """A level for one connection, given to SQLAlchemy, does not touch the transactions of commands."""
    app = new_app(database.url)
    with app.engine.connect().execution_options(isolation_level="SERIALIZABLE") as connection:
        assert "serializable" == connection.scalar(text("SHOW transaction_isolation"))
    app.execute_commands(AddPost(aggregate_id=app.new_uuid(), author="ben", title="Hi"))
    with app.engine.connect() as connection:
        assert "read committed" == connection.scalar(text("SHOW transaction_isolation"))
    app.engine.dispose()
