"""How often a command has to wait for the server, counted on the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from sequent_sa import AggregateKeyNotUnique, ConcurrencyError, DifferentProjectorVersionIsActive, Sequent
from sequent_sa.projections.projector_states import ProjectorStates
from sequent_sa.tables import commands, events
from tests import ledger
from tests.blog import AddComment, AddPost, FailAfterRename, Post, PostRecord, RenamePost, new_app
from tests.databases import PostgreSQLDatabases
from tests.databases.proxy import Proxy


class Counted:
    """The blog behind a proxy."""

    def __init__(self, url: str) -> None:
        self.proxy = Proxy(url)
        self.app = new_app(self.proxy.url)
        self.app.create_all()
        # The first commands connect, read the projectors' states, and store the types.
        self.post_id = self.app.new_uuid()
        self.app.execute_commands(AddPost(aggregate_id=self.post_id, author="ben", title="0"))
        # The driver prepares a query when it sees it for the fifth time, which is a flight of its own.
        for number in range(6):
            self.app.execute_commands(AddComment(aggregate_id=self.post_id, text=str(number)))

    def flights(self, *executed: AddPost | RenamePost | AddComment) -> int:
        """How many it takes to execute commands."""
        before = self.proxy.flights
        self.app.execute_commands(*executed)
        return self.proxy.flights - before

    def new(self, title: str) -> AddPost:
        """A post that there is not yet."""
        return AddPost(aggregate_id=self.app.new_uuid(), author="ben", title=title)

    def flights_of_caller(self, session: Session | Connection, number: int) -> tuple[int, int]:
        """How many it takes, in the transaction of a caller, to add a post, and to rename one."""
        begin = self.proxy.flights
        self.app.execute_commands(self.new(f"new {number}"), session=session)
        added = self.proxy.flights
        self.app.execute_commands(RenamePost(aggregate_id=self.post_id, title=f"title {number}"), session=session)
        return added - begin, self.proxy.flights - added


@pytest.fixture
def counted(postgresql_databases: PostgreSQLDatabases) -> Iterator[Counted]:
    """The blog, with all that happens only once behind it."""
    counted = Counted(postgresql_databases.create().url)
    yield counted
    counted.app.engine.dispose()
    counted.proxy.close()


def deactivate(app: Sequent) -> None:
    """No projector is active any more."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE sequent_schema.projector_states SET active_version = NULL")


def test_a_new_aggregate_takes_one_flight(counted: Counted) -> None:
    """BEGIN, the command, the aggregate, its events, its unique key, the view row and COMMIT go together."""
    for number in range(1, 10):  # the driver prepares statements on the way
        command = AddPost(aggregate_id=counted.app.new_uuid(), author="ben", title=str(number))
        assert counted.flights(command) == 1
    with counted.app.session() as session:
        assert session.scalar(select(func.count()).select_from(PostRecord)) == 10


def test_a_known_aggregate_takes_two_flights(counted: Counted) -> None:
    """One to load it, and one for all the rest."""
    for number in range(1, 10):
        assert counted.flights(RenamePost(aggregate_id=counted.post_id, title=f"title {number}")) == 2
    with counted.app.session() as session:
        assert session.scalars(select(PostRecord.title)).all() == ["title 9"]


def test_a_projector_that_reads_takes_one_more(counted: Counted) -> None:
    """What was written so far goes before the question, in its flight."""
    for number in range(1, 10):
        assert counted.flights(AddComment(aggregate_id=counted.post_id, text=str(number))) == 3
    with counted.app.session() as session:
        assert session.scalars(select(PostRecord.comments)).all() == [15]


def test_many_commands_take_no_more_flights_than_loads(counted: Counted) -> None:
    """What they write goes together."""
    new = [AddPost(aggregate_id=counted.app.new_uuid(), author="ben", title=f"new {number}") for number in range(20)]
    assert (
        counted.flights(*new, *(RenamePost(aggregate_id=post.aggregate_id, title="x" + post.title) for post in new))
        == 1
    )
    known = [RenamePost(aggregate_id=counted.post_id, title=str(number)) for number in range(5)]
    assert counted.flights(*known) == 2


def test_reading_an_aggregate_takes_one_flight(counted: Counted) -> None:
    """Without a transaction around it."""
    before = counted.proxy.flights
    assert counted.app.repository.load_aggregate(counted.post_id, Post).title == "0"
    assert counted.proxy.flights - before == 1


def test_a_look_at_a_key_takes_one_flight(counted: Counted) -> None:
    """Without a transaction; what was written before goes with the question, and what follows is as fast as before."""
    repository = counted.app.repository
    for number in range(1, 8):
        before = counted.proxy.flights
        found = repository.find_aggregate_by_unique_key("post_title", {"title": "0"})
        assert (found and found.aggregate_id, counted.proxy.flights - before) == (counted.post_id, 2)
        assert repository.contains_aggregate(counted.post_id)
        assert not repository.contains_aggregate(counted.app.new_uuid())
        assert counted.proxy.flights - before == 4
        with counted.app.unit_of_work():
            counted.app.execute_commands(counted.new(f"new {number}"))  # reads the states of projectors
            assert repository.find_aggregate_by_unique_key("post_title", {"title": f"new {number}"}) is not None
            assert counted.proxy.flights - before == 6
        assert counted.proxy.flights - before == 7


def test_projectors_that_were_switched_are_noticed_in_the_same_flight(counted: Counted) -> None:
    """The command begins again, once, with what is active now; its events are stored once and not projected."""
    other = counted.app.on(counted.proxy.url)
    deactivate(other)
    counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="unseen"))
    with counted.app.session() as session:
        assert session.scalars(select(PostRecord.title)).all() == ["0"]
        stored = session.scalar(select(func.count()).select_from(events))
        assert session.scalar(select(func.count()).select_from(commands)) == 8
    assert stored == 9
    other.engine.dispose()


def test_a_replay_in_progress_costs_no_flight(counted: Counted) -> None:
    """What is active does not change by it, so nothing is asked anew."""
    with counted.app.dialect.writing(counted.app.engine) as connection, connection.begin():
        ProjectorStates(counted.app.dialect).register_replaying(connection, counted.app.projectors)
    for number in range(3):
        assert counted.flights(RenamePost(aggregate_id=counted.post_id, title=f"title {number}")) == 2


def test_a_unit_of_work_of_the_users_reads_the_states_itself(counted: Counted) -> None:
    """It cannot begin again, so nothing that may be old is assumed."""
    deactivate(counted.app)
    with counted.app.unit_of_work():
        counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="unseen"))
    with counted.app.session() as session:
        assert session.scalars(select(PostRecord.title)).all() == ["0"]


def test_projectors_that_are_switched_meanwhile_end_a_unit_of_work(counted: Counted) -> None:
    """What the user did in it cannot be done again by the framework: the error says to execute it again."""

    def rename() -> None:
        with counted.app.unit_of_work():
            counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="lost"))
            deactivate(counted.app)

    with pytest.raises(ConcurrencyError, match="active projectors changed"):
        rename()
    with counted.app.session() as session:
        assert session.scalar(select(func.count()).select_from(commands)) == 7


def test_a_connection_that_was_lost_is_replaced(counted: Counted) -> None:
    """One command fails; the next has a new connection, and nothing is stored twice."""
    with counted.app.session() as session, counted.app.engine.connect():
        mine = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {mine}"))
        while session.scalar(text(f"SELECT count(*) FROM pg_stat_activity {mine}")):
            session.rollback()  # a transaction goes on to see what it saw first
            time.sleep(0.005)
    with pytest.raises(DBAPIError) as caught:
        counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="lost"))
    assert caught.value.connection_invalidated
    for number in range(2):
        counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title=f"title {number}"))
    with counted.app.session() as session:
        assert session.scalar(select(func.count()).select_from(commands)) == 9


def test_an_error_about_projectors_is_about_what_is_stored_now(counted: Counted) -> None:
    """What is remembered never stops a command: as soon as the projectors fit again, it goes through."""
    with counted.app.dialect.writing(counted.app.engine) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE sequent_schema.projector_states SET active_version = 7")
    for _ in range(2):
        with pytest.raises(DifferentProjectorVersionIsActive):
            counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="refused"))
    with counted.app.dialect.writing(counted.app.engine) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE sequent_schema.projector_states SET active_version = 1")
    counted.app.execute_commands(RenamePost(aggregate_id=counted.post_id, title="stored"))
    with counted.app.session() as session:
        assert session.scalars(select(PostRecord.title)).all() == ["stored"]


def test_snapshots_take_no_more_flights(postgresql_databases: PostgreSQLDatabases) -> None:
    """The snapshot comes with the events after it, and that a new one is needed is noted with the events."""
    proxy = Proxy(postgresql_databases.create().url)
    app = ledger.new_app(proxy.url)
    app.create_all()
    account_id = app.new_uuid()
    app.execute_commands(ledger.OpenAccount(aggregate_id=account_id, iban="NL1"))
    for number in range(12):
        ledger.entered(app, account_id, str(number))
        if number % 5 == 0:
            app.snapshots.take_one(account_id)
    before = proxy.flights
    ledger.entered(app, account_id, "last")
    assert proxy.flights - before == 2
    assert app.repository.load_aggregate(account_id).version == 14
    assert proxy.flights - before == 3
    app.engine.dispose()
    proxy.close()


def test_in_the_transaction_of_a_session_it_takes_the_same(counted: Counted) -> None:
    """A savepoint goes with the burst, and no commit; BEGIN and COMMIT are the session's own."""
    with counted.app.session() as session:
        for number in range(1, 10):
            session.execute(text("SELECT 1"))  # the session's BEGIN
            assert counted.flights_of_caller(session, number) == (1, 2)
            before = counted.proxy.flights
            session.commit()
            assert counted.proxy.flights - before == 1
        assert session.scalars(select(PostRecord.title).where(PostRecord.author == "ben")).all().count("title 9") == 1


def test_in_the_transaction_of_a_connection_it_takes_the_same(counted: Counted) -> None:
    """One flight for a new aggregate and two for one that is known, within one transaction."""
    with counted.app.engine.begin() as connection:
        connection.execute(text("SELECT 1"))
        for number in range(1, 10):
            assert counted.flights_of_caller(connection, number) == (1, 2)


def test_on_an_async_connection_it_takes_the_same(counted: Counted) -> None:
    """In a transaction of its own, and in one of an async session."""

    async def work() -> None:
        for number in range(6):  # connects, and prepares the query that loads
            await counted.app.execute_commands_async(RenamePost(aggregate_id=counted.post_id, title=f"first {number}"))
        for number in range(1, 10):
            before = counted.proxy.flights
            await counted.app.execute_commands_async(counted.new(f"own {number}"))
            assert counted.proxy.flights - before == 1
            await counted.app.execute_commands_async(RenamePost(aggregate_id=counted.post_id, title=f"own {number} x"))
            assert counted.proxy.flights - before == 3
        async with counted.app.session_async() as session:
            for number in range(1, 10):
                await session.execute(text("SELECT 1"))
                before = counted.proxy.flights
                await counted.app.execute_commands_async(counted.new(f"joined {number}"), session=session)
                assert counted.proxy.flights - before == 1
                rename = RenamePost(aggregate_id=counted.post_id, title=f"joined {number} x")
                await counted.app.execute_commands_async(rename, session=session)
                assert counted.proxy.flights - before == 3
                await session.commit()
                assert counted.proxy.flights - before == 4
        await counted.app.async_engine.dispose()

    asyncio.run(work())


def test_a_failure_in_a_transaction_of_the_callers_takes_one_more(counted: Counted) -> None:
    """Rolling back to the savepoint; without anything sent there is nothing to roll back."""
    with counted.app.session() as session:
        session.execute(text("SELECT 1"))
        before = counted.proxy.flights
        with pytest.raises(RuntimeError):
            counted.app.execute_commands(FailAfterRename(aggregate_id=counted.post_id, title="bad"), session=session)
        assert counted.proxy.flights - before == 1
        with pytest.raises(AggregateKeyNotUnique):
            counted.app.execute_commands(counted.new("0"), session=session)
        assert counted.proxy.flights - before == 3
