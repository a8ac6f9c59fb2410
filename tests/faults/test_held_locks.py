"""Transactions of others that hold locks for too long, or in the wrong order, on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event, select, text

from sequent_sa import ConcurrencyError, LockTimeout, Sequent, SequentError, StatementCanceled
from sequent_sa.tables import aggregates
from tests.blog import AddComment, AddPost, new_app
from tests.databases import Database, PostgreSQLDatabases
from tests.databases.waiting import wait_until
from tests.faults.checker import check_store, check_usable
from tests.faults.workload import Attempt


@pytest.fixture
def database(postgresql_databases: PostgreSQLDatabases) -> Database:
    """An empty database on PostgreSQL."""
    return postgresql_databases.create()


@pytest.fixture
def others(database: Database) -> Engine:
    """Others on the same database."""
    return database.engine


class Limited:
    """The blog, with its tables, on connections with a limit that can be lifted."""

    def __init__(self, database: Database, setting: str, limit: str = "0") -> None:
        self.app = new_app(database.url)
        self.app.create_all()
        self.limit = limit

        @event.listens_for(self.app.engine, "checkout")
        def set_limit(connection: Any, *_: object) -> None:
            cursor = connection.cursor()
            cursor.execute(f"SET {setting} = '{self.limit}'")
            cursor.close()
            connection.commit()


def hold(connection: Connection, post_id: UUID) -> None:
    """Lock a post."""
    connection.execute(select(aggregates).where(aggregates.c.aggregate_id == post_id).with_for_update())


def added(app: Sequent, mark: str) -> UUID:
    post_id = app.new_uuid()
    app.execute_commands(AddPost(aggregate_id=post_id, author="ben", title=mark))
    return post_id


@pytest.mark.parametrize(
    ("setting", "error", "says"),
    [
        ("statement_timeout", StatementCanceled, "statement timeout"),
        ("lock_timeout", LockTimeout, "another transaction held the database for too long"),
    ],
)
def test_a_lock_that_is_held_for_too_long(
    database: Database, others: Engine, setting: str, error: type[SequentError], says: str
) -> None:
    """Is a clear error; nothing is stored, and the same works when nobody holds it any more."""
    limited = Limited(database, setting)
    app = limited.app
    post_id = added(app, "<post>")
    late = AddComment(aggregate_id=post_id, text="<late>")
    limited.limit = "200ms"
    with others.connect() as connection:
        hold(connection, post_id)
        with pytest.raises(error, match=f"(?s){says}.*execute the command again"):
            app.execute_commands(late)
    limited.limit = "0"
    journal = [Attempt("<post>", "acknowledged"), Attempt("<late>", "refused")]
    check_store(app, journal)
    check_usable(app)
    app.execute_commands(late)
    check_store(app, [journal[0], Attempt("<late>", "acknowledged")])
    app.engine.dispose()


def test_locks_in_the_wrong_order(database: Database, others: Engine) -> None:
    """When another holds what we want, and wants what we hold, we give way with an error that may be tried again."""
    app = Limited(database, "deadlock_timeout", "100ms").app
    first, second = added(app, "<first>"), added(app, "<second>")
    with others.connect() as other, ThreadPoolExecutor(1) as thread:
        other.execute(text("SET deadlock_timeout = '10min'"))  # it is not the one who gives way
        pid = other.scalar(text("SELECT pg_backend_pid()"))
        hold(other, second)
        with pytest.raises(ConcurrencyError, match="execute the command again"), app.unit_of_work() as unit:  # noqa: PT012
            app.execute_commands(AddComment(aggregate_id=first, text="<one>"))
            with unit.transaction.reading():
                """Sends what is pending, so that the first post is locked."""
            waiting = thread.submit(hold, other, first)
            wait_until(lambda: _waits(app, pid), "the other to wait for us")
            app.execute_commands(AddComment(aggregate_id=second, text="<two>"))
        waiting.result()
        other.rollback()
    journal = [Attempt(f"<{mark}>", "acknowledged") for mark in ("first", "second")]
    check_store(app, [*journal, Attempt("<one>", "refused"), Attempt("<two>", "refused")])
    check_usable(app)
    with app.unit_of_work():
        app.execute_commands(AddComment(aggregate_id=first, text="<one>"))
        app.execute_commands(AddComment(aggregate_id=second, text="<two>"))
    check_store(app, [*journal, Attempt("<one>", "acknowledged"), Attempt("<two>", "acknowledged")])
    app.engine.dispose()


def _waits(app: Sequent, pid: int | None) -> bool:
    with app.engine.connect() as connection:
        return bool(connection.scalar(text("SELECT cardinality(pg_blocking_pids(:pid))"), {"pid": pid}))
