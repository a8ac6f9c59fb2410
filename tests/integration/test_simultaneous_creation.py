"""Two transactions create one aggregate: the second waits for the first, and gives way only if that one commits."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sequent_sa import OptimisticLockingError, Sequent
from tests.blog import AddPost
from tests.databases import Database
from tests.databases.waiting import wait_until
from tests.integration.callers import add, post, stored

WAITING = text("""SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event = 'transactionid'""")


def starts_to_wait(second: Future[None], started: threading.Event, database: Database) -> None:
    """Return when the second is at work; on PostgreSQL, when it waits for the first."""
    assert started.wait(60)
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watcher:
            wait_until(lambda: watcher.scalar(WAITING), "the second to wait for the first")
    assert not second.done()


@pytest.mark.parametrize("commits", [True, False], ids=["the first commits", "the first is rolled back"])
def test_the_second_waits_for_the_first(app: Sequent, database: Database, commits: bool) -> None:
    """What was stored is what one of them made, as a whole."""
    app.execute_commands(add(app))  # stores the names of the types, for which others wait as well
    first = add(app, "first")
    second = AddPost(aggregate_id=first.aggregate_id, author="kim", title="second")
    started = threading.Event()

    def create() -> None:
        started.set()
        app.execute_commands(second)

    with ThreadPoolExecutor(1) as pool:
        with app.session() as session:
            app.execute_commands(first, session=session)
            outcome = pool.submit(create)
            starts_to_wait(outcome, started, database)
            if commits:
                session.commit()
        if commits:
            with pytest.raises(OptimisticLockingError, match=str(first.aggregate_id)):
                outcome.result(60)
        else:
            outcome.result(60)
    assert ("first" if commits else "second") == post(app, first.aggregate_id).title
    assert (4, 2) == stored(app)


def test_the_databases_error_is_the_cause(app: Sequent) -> None:
    """Whoever looks for details finds what the database said."""
    command = add(app)
    app.execute_commands(command)
    with pytest.raises(OptimisticLockingError) as refused:
        app.execute_commands(AddPost(aggregate_id=command.aggregate_id, author="kim", title="second"))
    assert isinstance(refused.value.__cause__, IntegrityError)
    assert post(app, command.aggregate_id).title == command.title
