"""What the burst prepares on a connection of PostgreSQL, and what happens when the server forgets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import capabilities
from sqlalchemy import Connection, Engine, create_engine, event, func, select, text
from sqlalchemy.pool import ConnectionPoolEntry

from sequent_sa import AggregateKeyNotUnique, DatabaseNotReady, OptimisticLockingError, Sequent
from sequent_sa.dialects.postgresql.flight import Flight, Wire
from sequent_sa.dialects.postgresql.statements import array_of_texts
from sequent_sa.tables import commands
from tests.blog import AddPost, PostRecord, new_app
from tests.databases import PostgreSQLDatabases


@pytest.fixture
def engine(postgresql_databases: PostgreSQLDatabases) -> Iterator[Engine]:
    """An engine with one connection, so that a test knows which one its commands get."""
    engine = create_engine(postgresql_databases.create().url, pool_size=1, max_overflow=0)
    yield engine
    engine.dispose()


def blog(engine: Engine) -> Sequent:
    """The blog on this engine."""
    app = new_app("sqlite://").on(engine)
    app.create_all()
    return app


def new_post(app: Sequent) -> AddPost:
    """A post with a title of its own."""
    id_ = app.new_uuid()
    return AddPost(aggregate_id=id_, author="ben", title=str(id_))


def add(app: Sequent) -> None:
    app.execute_commands(new_post(app))


def stored(app: Sequent) -> tuple[int | None, int | None]:
    """How many commands and how many view rows there are."""
    with app.session() as session:
        return (
            session.scalar(select(func.count()).select_from(commands)),
            session.scalar(select(func.count()).select_from(PostRecord)),
        )


def prepared(engine: Engine) -> list[str]:
    """The texts of what is prepared on the connection."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'sequent%'"))
        return sorted(found.scalars())


def test_each_statement_is_prepared_once(engine: Engine) -> None:
    """The second command of a kind prepares nothing more."""
    app = blog(engine)
    add(app)
    add(app)
    once = prepared(engine)
    add(app)
    assert once == prepared(engine)
    assert len(set(once)) == len(once) > 3


@pytest.mark.parametrize("forget", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_what_the_server_forgot_is_prepared_anew(engine: Engine, forget: str) -> None:
    """A pooler between, or psycopg after a rollback, makes the server forget; the next command notices."""
    app = blog(engine)
    add(app)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(forget)
    app.repository.contains_aggregate(app.new_uuid())
    add(app)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(forget)
    add(app)
    assert (3, 3) == stored(app)


def test_what_the_driver_forgets_when_it_rolls_back_is_prepared_anew(engine: Engine) -> None:
    """psycopg deallocates everything with a rollback once it has prepared something itself."""
    app = blog(engine)
    add(app)
    for _ in range(10):
        assert stored(app)[0] is not None
    with engine.connect() as connection:
        for _ in range(10):
            connection.execute(text("SELECT 1"))
    assert [] == prepared(engine)
    add(app)
    assert (2, 2) == stored(app)


def test_nothing_is_prepared_where_the_driver_prepares_nothing(engine: Engine) -> None:
    """`prepare_threshold=None` is what psycopg asks for behind a pooler that changes servers."""

    @event.listens_for(engine, "connect")
    def prepare_nothing(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.prepare_threshold = None

    app = blog(engine)
    add(app)
    add(app)
    assert [] == prepared(engine)
    assert (2, 2) == stored(app)


def test_a_changed_table_is_written_with_a_new_plan(engine: Engine) -> None:
    """A column of another type, and a table in the place of another."""
    app = blog(engine)
    add(app)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE view_schema.post_records ALTER COLUMN author TYPE varchar(100)")
    add(app)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE view_schema.post_records RENAME TO old_records")
        connection.exec_driver_sql("CREATE TABLE view_schema.post_records (LIKE view_schema.old_records INCLUDING ALL)")
    add(app)
    assert (3, 1) == stored(app)


def test_a_transaction_of_the_callers_leaves_nothing_prepared(engine: Engine) -> None:
    """There the driver may make the server forget at any time, so that nothing is kept from one flight to the next."""
    app = blog(engine)
    with engine.begin() as connection, app.joined(connection):
        for _ in range(5):
            add(app)
            with connection.begin_nested() as savepoint:
                connection.execute(text("SELECT 1"))
                savepoint.rollback()
        app.execute_commands(*(new_post(app) for _ in range(5)))
    assert [] == prepared(engine)
    assert (10, 10) == stored(app)


def test_what_is_refused_leaves_nothing_prepared(engine: Engine) -> None:
    """However many commands lose: what was prepared is used again, and what served one flight is closed."""
    app = blog(engine)
    taken = new_post(app)
    app.execute_commands(taken)
    before = prepared(engine)
    for _ in range(5):
        with pytest.raises(AggregateKeyNotUnique):
            app.execute_commands(taken.evolve(aggregate_id=app.new_uuid()))
        with pytest.raises(OptimisticLockingError):
            app.execute_commands(taken.evolve(title="another"))
        several = [*(new_post(app) for _ in range(3)), taken.evolve(aggregate_id=app.new_uuid())]
        with engine.begin() as connection, pytest.raises(AggregateKeyNotUnique):
            app.execute_commands(*several, session=connection)
    assert set(before) <= set(prepared(engine))
    assert len(set(prepared(engine))) == len(prepared(engine))
    assert (1, 1) == stored(app)


def test_a_plan_that_may_be_wrong_is_made_anew(engine: Engine) -> None:
    """A table that was gone is written again when it is back; where libpq (17) can close what it prepared, nothing of
    the time before stays on the server."""
    app = blog(engine)
    add(app)
    for _ in range(5):
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE view_schema.post_records RENAME TO gone")
        with pytest.raises(DatabaseNotReady):
            add(app)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE view_schema.gone RENAME TO post_records")
        add(app)
    assert len(set(prepared(engine))) == len(prepared(engine)) or not capabilities.has_send_close_prepared()
    assert (6, 6) == stored(app)


def test_an_older_libpq_prepares_nothing_in_a_callers_transaction(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot close what it prepared without the danger of losing the transaction."""
    monkeypatch.setattr("psycopg.capabilities.has_send_close_prepared", lambda: False)
    app = blog(engine)
    taken = new_post(app)
    app.execute_commands(taken)
    for _ in range(3):
        with engine.begin() as connection:
            app.execute_commands(*(new_post(app) for _ in range(3)), session=connection)
        several = [*(new_post(app) for _ in range(3)), taken.evolve(aggregate_id=app.new_uuid())]
        with engine.begin() as connection, pytest.raises(AggregateKeyNotUnique):
            app.execute_commands(*several, session=connection)
        with pytest.raises(AggregateKeyNotUnique):
            app.execute_commands(taken.evolve(aggregate_id=app.new_uuid()))
    assert len(set(prepared(engine))) == len(prepared(engine))
    assert (10, 10) == stored(app)


def test_no_two_connections_use_one_name(postgresql_databases: PostgreSQLDatabases) -> None:
    """Behind a pooler that nobody told us of, another's name would be another statement."""
    engine = create_engine(postgresql_databases.create().url)
    with engine.connect() as one, engine.connect() as two:
        drivers: list[Any] = [each.connection.driver_connection for each in (one, two)]
        first, second = (Wire(driver).new_name() for driver in drivers)
        assert first != second
    engine.dispose()


def test_no_more_than_some_hundred_are_prepared(engine: Engine) -> None:
    """Statements beyond the limit work, and are parsed each time."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        wire = Wire(driver)
        for first in range(0, 300, 30):
            sending = [(number, f"SELECT {number}", None) for number in range(first, first + 30)]
            flight = Flight(wire, sending, lasting=True)
            landing = driver.wait(flight.go())
            assert [[(number,)] for number, _, _ in sending] == [list(wire.rows(each)) for each in landing.results]
        assert 200 == _number(connection)


def test_values_that_cannot_be_sent_are_refused_before_anything_is(engine: Engine) -> None:
    """An error of the driver about a value leaves the connection as it was."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with pytest.raises(Exception, match="cannot adapt type 'object'"):
            Flight(Wire(driver), [(0, "SELECT $1", (object(),))], lasting=True)
        assert 0 == _number(connection)


def _number(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'sequent%'")) or 0)


def test_texts_survive_as_an_array(engine: Engine) -> None:
    """Whatever PostgreSQL can store comes back from an array as it went in."""
    storable = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    with engine.connect() as connection:

        @given(st.lists(st.one_of(storable, st.sampled_from(["", "NULL", '"', "\\", '\\"', "{}", "a,b"]))))
        def survives(texts: list[str]) -> None:
            query = text("SELECT CAST(:texts AS text[])")
            assert texts == connection.scalar(query, {"texts": array_of_texts(texts)})

        survives()
