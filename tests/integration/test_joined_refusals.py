"""Whose transaction nobody can take part in, and how that is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from sequent_sa import ConfigurationError, Sequent, UnitOfWorkError
from tests.blog import PostRecord
from tests.databases import Database, Databases, PostgreSQLDatabases, SQLiteDatabases
from tests.integration.callers import Note, add, new_app, stored


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    app = new_app(database.url)
    yield app
    app.engine.dispose()


@pytest.fixture
def on_postgresql(postgresql_databases: PostgreSQLDatabases) -> Iterator[Sequent]:
    app = new_app(postgresql_databases.create().url)
    yield app
    app.engine.dispose()


def test_another_database_is_refused(app: Sequent, databases: Databases) -> None:
    """Events there and rows here would not be one transaction."""
    other = new_app(databases.create().url)
    for _ in range(2):
        with other.session() as session, pytest.raises(ConfigurationError, match="is of another database"):
            app.execute_commands(add(app), session=session)
    assert (stored(app), stored(other)) == ((0, 0), (0, 0))
    other.engine.dispose()


def test_another_kind_of_database_is_refused(
    postgresql_databases: PostgreSQLDatabases, sqlite_databases: SQLiteDatabases
) -> None:
    """Whichever of the two it is."""
    apps = [new_app(postgresql_databases.create().url), new_app(sqlite_databases.create().url)]
    for app, other in (apps, reversed(apps)):
        with other.session() as session, pytest.raises(ConfigurationError, match="is of another database"):
            app.execute_commands(add(app), session=session)
    for app in apps:
        app.engine.dispose()


def test_a_database_in_memory_is_another_one_for_each_engine() -> None:
    """Two that look alike have nothing in common."""
    app, other = new_app("sqlite://"), new_app("sqlite://")
    with other.session() as session, pytest.raises(ConfigurationError, match="is of another database"):
        app.execute_commands(add(app), session=session)
    with app.session() as session:
        app.execute_commands(add(app), session=session)
        session.commit()
    assert stored(app) == (2, 1)
    for each in (app, other):
        each.engine.dispose()


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_another_isolation_level_is_refused(on_postgresql: Sequent, level: str) -> None:
    """What guards the commands holds under READ COMMITTED; the caller can go on without them."""
    app = on_postgresql
    with app.session() as session:
        session.connection(execution_options={"isolation_level": level})
        session.add(Note(id=1))
        with pytest.raises(ConfigurationError, match=f"READ COMMITTED.*isolation level {level.lower()}"):
            app.execute_commands(add(app), session=session)
        session.commit()
        assert session.scalars(select(Note.id)).all() == [1]
    assert stored(app) == (0, 0)


def test_a_transaction_that_only_reads_is_refused(app: Sequent) -> None:
    """The error says so, and the caller can go on reading."""
    with app.session(read_only=True) as session:
        assert session.scalars(select(PostRecord)).all() == []
        with pytest.raises(UnitOfWorkError, match="this transaction can only read"):
            app.execute_commands(add(app), session=session)
        assert session.scalars(select(PostRecord)).all() == []


def autocommitting(app: Sequent) -> Engine:
    """An engine whose statements are committed one by one."""
    return app.engine.execution_options(isolation_level="AUTOCOMMIT")


def test_what_is_no_transaction_is_refused(app: Sequent) -> None:
    """With AUTOCOMMIT there is nothing that could be rolled back."""
    with Session(autocommitting(app)) as session, pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
        app.execute_commands(add(app), session=session)
    with autocommitting(app).connect() as connection, pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
        app.execute_commands(add(app), session=connection)
    assert stored(app) == (0, 0)


def test_a_transaction_in_two_phases_is_refused(on_postgresql: Sequent) -> None:
    """Who commits it may know nothing of hooks."""
    with (
        on_postgresql.engine.connect() as connection,
        connection.begin_twophase(),
        pytest.raises(UnitOfWorkError, match="TwoPhaseTransaction"),
    ):
        on_postgresql.execute_commands(add(on_postgresql), session=connection)
    with Session(on_postgresql.engine, twophase=True) as session, pytest.raises(UnitOfWorkError, match="two phases"):
        on_postgresql.execute_commands(add(on_postgresql), session=session)


def test_an_engine_that_was_not_set_up_is_refused(sqlite_databases: SQLiteDatabases) -> None:
    """On SQLite it depends on the engine when a transaction begins."""
    database = sqlite_databases.create()
    app = new_app(database.url)
    with Session(database.engine) as session, pytest.raises(ConfigurationError, match=r"use app\.engine"):
        app.execute_commands(add(app), session=session)
    app.engine.dispose()


@pytest.mark.parametrize("given", [AsyncSession(), object(), "session"], ids=["async session", "object", "text"])
def test_what_is_no_session_is_refused(app: Sequent, given: object) -> None:
    """The error says what is needed."""
    with pytest.raises(TypeError, match="a Session or Connection of SQLAlchemy is needed"):
        app.execute_commands(add(app), session=given)  # type: ignore[arg-type]


def test_a_transaction_that_failed_is_refused(on_postgresql: Sequent) -> None:
    """PostgreSQL lets nothing be done in it but to roll back."""
    with on_postgresql.engine.connect() as connection:
        connection.exec_driver_sql("SAVEPOINT mine")
        with pytest.raises(Exception, match="division by zero"):
            connection.exec_driver_sql("SELECT 1 / 0")
        with pytest.raises(UnitOfWorkError, match="a statement failed in this transaction"):
            on_postgresql.execute_commands(add(on_postgresql), session=connection)
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT mine")
        on_postgresql.execute_commands(add(on_postgresql), session=connection)
        connection.commit()
    assert stored(on_postgresql) == (2, 1)
