"""A connection that ends while commands take part in a caller's transaction, on PostgreSQL: SQLite has none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from sqlalchemy import Connection, QueuePool, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sequent_sa import Sequent
from sequent_sa.execution.middleware import Next, Request
from tests.blog import AddComment
from tests.databases import Database, PostgreSQLDatabases
from tests.integration.callers import Note, TellingWorkflow, add, new_app, stored

told = TellingWorkflow.told


@pytest.fixture
def database(postgresql_databases: PostgreSQLDatabases) -> Database:
    """An empty database there."""
    return postgresql_databases.create()


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The blog with hooks that tell."""
    app = new_app(database.url)
    yield app
    app.engine.dispose()


def terminate(session: Session | Connection, database: Database) -> None:
    """Let the server end the connection of a session."""
    pid = session.scalar(text("SELECT pg_backend_pid()"))
    other = create_engine(database.url)
    with other.connect() as connection:
        ended = connection.scalar(text("SELECT pg_terminate_backend(:pid, 30000)"), {"pid": pid})
        assert ended is True
    other.dispose()


@pytest.mark.parametrize("block", [False, True], ids=["session", "joined"])
@pytest.mark.parametrize("before", [False, True], ids=["first command", "second command"])
def test_a_connection_that_is_lost(
    app: Sequent, database: Database, block: bool, before: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The error reaches the caller, nothing is stored, and the session can be used again."""
    first, second = add(app, "first"), add(app, "second")
    with app.session() as session:
        session.add(Note(id=1))
        session.flush()
        if before:
            app.execute_commands(first, session=session)
        part = app.joined(session) if block else nullcontext()
        with pytest.raises(DBAPIError) as lost, part:  # noqa: PT012 - a block is the point
            terminate(session, database)
            app.execute_commands(second, session=session)
        assert lost.value.connection_invalidated
        # What was going on may be about values: above DEBUG nothing says so.
        logged = [
            each for each in caplog.records if each.name.startswith("sequent_sa") and each.levelno > logging.DEBUG
        ]
        assert [None] * len(logged) == [each.exc_info for each in logged]
        session.rollback()
        assert (before, False) == ("added rolled back" in told[:1], "added committed" in told)
        app.execute_commands(add(app, "third"), session=session)
        session.commit()
    assert (2, 1) == stored(app)
    assert isinstance(app.engine.pool, QueuePool)
    assert 0 == app.engine.pool.checkedout()
    with app.session() as session:
        assert [] == session.query(Note).all()


def test_a_connection_that_is_lost_before_the_commit(app: Sequent, database: Database) -> None:
    """Whoever waits for the answer to a COMMIT cannot know how it ended: no hook runs, and the error says so."""
    command = add(app, "first")
    with app.session() as session:
        app.execute_commands(command, session=session)
        app.execute_commands(AddComment(aggregate_id=command.aggregate_id, text="one"), session=session)
        terminate(session, database)
        with pytest.raises(DBAPIError) as lost:
            session.commit()
        session.rollback()
    (note,) = lost.value.__notes__
    assert "whether this transaction was committed is not known" in note
    assert ((0, 0), []) == (stored(app), told)
    app.execute_commands(add(app, "next"))
    assert (2, 1) == stored(app)


@pytest.mark.parametrize(
    ("joined", "when", "why"),
    [
        (False, "before it could roll back", "OperationalError"),
        (True, "before it could roll back to a savepoint", "AdminShutdown"),
    ],
    ids=["own", "joined"],
)
def test_a_connection_that_breaks_before_it_could_roll_back(
    app: Sequent, database: Database, joined: bool, when: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The error that wants the rollback is the one to be seen; the log has the other, and nothing is stored."""

    def change_mind(request: Request, execute: Next) -> None:
        execute(request)
        with failing._units.current().transaction.reading() as connection:
            terminate(connection, database)
        raise RuntimeError("changed my mind")

    failing = Sequent(
        app.engine,
        packages=["tests.blog"],
        workflows=[TellingWorkflow],
        middleware=[change_mind],
        environment="test",
    )
    with app.session() as session, pytest.raises(RuntimeError, match="changed my mind"):
        failing.execute_commands(add(app), session=session if joined else None)
    logged = [each for each in caplog.records if each.name.startswith("sequent_sa")]
    assert [f"the connection broke {when} ({why})"] == [each.getMessage() for each in logged]
    assert [(logging.WARNING, why, None)] == [(each.levelno, vars(each)["error"], each.exc_info) for each in logged]
    assert (["added rolled back"], (0, 0)) == (told, stored(app))
    assert isinstance(app.engine.pool, QueuePool)
    assert 0 == app.engine.pool.checkedout()
