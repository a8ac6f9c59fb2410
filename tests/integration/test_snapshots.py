"""Snapshots: an aggregate is the same with them and without, whoever takes them and whatever goes wrong."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from sequent_sa import (
    AggregateError,
    AggregateNotFound,
    AggregateRoot,
    HasUncommittedEvents,
    Sequent,
    StateNotSerializable,
    _clock,
)
from sequent_sa.event_store.event_store import EventStore
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.command_service import CommandService
from sequent_sa.snapshots import Snapshots
from sequent_sa.tables import aggregates, aggregates_that_need_snapshots, events, snapshot_records
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork
from tests import ledger
from tests.blog import AddPost
from tests.blog import new_app as new_blog
from tests.databases import Database, Databases, PostgreSQLDatabases
from tests.integration.test_concurrency import ROOT
from tests.ledger import AnyAccount, Book, Break, Move, OpenAccount, entered, new_app, state, version_1

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """The ledger."""
    app = new_app(database.url)
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture
def at_version_2(app: Sequent) -> Iterator[Sequent]:
    """The next version of the ledger, on the same database."""
    other = new_app(app.engine.url.render_as_string(hide_password=False), "version_2")
    yield other
    other.engine.dispose()


@pytest.fixture
def without_snapshots(app: Sequent) -> Iterator[Sequent]:
    """The ledger before anybody thought of snapshots, on the same database."""
    other = new_app(app.engine.url.render_as_string(hide_password=False), "without_snapshots")
    yield other
    other.engine.dispose()


def opened(app: Sequent, *texts: str) -> UUID:
    """A new account with these entries."""
    aggregate_id = app.new_uuid()
    app.execute_commands(OpenAccount(aggregate_id=aggregate_id, iban=f"NL{aggregate_id}"))
    if texts:
        entered(app, aggregate_id, *texts)
    return aggregate_id


def account(app: Sequent, aggregate_id: UUID) -> AggregateRoot:
    """The account as the application loads it."""
    return app.repository.load_aggregate(aggregate_id)


def lost(app: Sequent, aggregate_id: UUID, *numbers: int) -> None:
    """Some events of an account are gone, so that whoever reads them finds less."""
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(
            delete(events).where(events.c.aggregate_id == aggregate_id, events.c.sequence_number.in_(numbers))
        )


def taken(app: Sequent) -> list[tuple[int, int]]:
    """The version and number of each stored snapshot."""
    columns = (snapshot_records.c.snapshot_version, snapshot_records.c.sequence_number)
    with app.engine.connect() as connection:
        return [(version, number) for version, number in connection.execute(select(*columns).order_by(*columns))]


def test_the_account_from_a_snapshot_is_the_account_from_its_events(app: Sequent) -> None:
    """State, version, time of creation, unique keys and partition key: read from the snapshot and what came after."""
    ids = [opened(app, "a", "b"), opened(app), opened(app, "c")]
    for aggregate_id in ids[:2]:
        app.snapshots.take_one(aggregate_id)
    entered(app, ids[0], "after", "again")
    before = {aggregate_id: state(account(app, aggregate_id)) for aggregate_id in ids}
    lost(app, ids[0], 1, 2, 3)
    found = app.repository.load_aggregates(ids)
    assert [before[each.aggregate_id] for each in found] == [state(each) for each in found]
    assert [5, 1, 2] == [each.version for each in found]
    entered(app, ids[0], "goes on")
    app.execute_commands(Move(aggregate_id=ids[1], iban="DE1"))
    lost(app, ids[1], 1)
    assert [6, 2] == [account(app, aggregate_id).version for aggregate_id in ids[:2]]
    assert {"iban": {"iban": "DE1"}} == account(app, ids[1]).unique_keys()


def test_only_later_events_are_read(app: Sequent) -> None:
    """The stream has the snapshot; its first event is the one with the snapshot's number."""
    aggregate_id = opened(app, "a", "b")
    snapshot = app.snapshots.take_one(aggregate_id)
    entered(app, aggregate_id, "c")
    with app.unit_of_work() as unit:
        ((stream, later),) = app.event_store.load(unit.transaction, [aggregate_id])
        ((whole, all_events),) = app.event_store.load(unit.transaction, [aggregate_id], snapshots=False)
    assert stream.snapshot is not None
    assert (snapshot.sequence_number, 4) == (stream.snapshot.sequence_number, stream.sequence_number)
    assert [4] == [event.sequence_number for event in later]
    assert whole.snapshot is None
    assert [1, 2, 3, 4] == [event.sequence_number for event in all_events]


def test_the_past_is_made_of_events(app: Sequent) -> None:
    """A snapshot says nothing about a moment before it was taken."""
    with _clock.stopped(BEGIN):
        aggregate_id = opened(app, "a")
    with _clock.stopped(BEGIN + timedelta(days=2)):
        entered(app, aggregate_id, "b")
    app.snapshots.take_one(aggregate_id)
    past = app.repository.load_aggregate(aggregate_id, AnyAccount, until=BEGIN + timedelta(days=1))
    assert ({"a"}, 2) == (past.texts, past.version)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)),
            st.sampled_from(["snapshot", "move", "forget"]),
        ),
        max_size=8,
    )
)
def test_snapshots_change_nothing(app: Sequent, steps: list[list[str] | str]) -> None:
    """Whenever they are taken and removed, the account is what its events say."""
    aggregate_id = opened(app)
    for number, step in enumerate(steps):
        if step == "snapshot":
            app.snapshots.take_one(aggregate_id)
        elif step == "move":
            app.execute_commands(Move(aggregate_id=aggregate_id, iban=f"BE{aggregate_id}{number}"))
        elif step == "forget":
            app.snapshots.delete_below(aggregate_id, number)
        else:
            entered(app, aggregate_id, *step)
        with app.unit_of_work() as unit:
            ((stream, all_events),) = app.event_store.load(unit.transaction, [aggregate_id], snapshots=False)
        whole = version_1.Account.load_from_history(stream, all_events)
        assert state(whole) == state(account(app, aggregate_id))


def test_a_class_without_snapshots_has_none(database: Database) -> None:
    """By default nothing is marked, and taking one is an error that says what to write."""
    blog = new_blog(database.url)
    blog.create_all()
    post_id = blog.new_uuid()
    blog.execute_commands(AddPost(aggregate_id=post_id, author="ben", title="x"))
    with pytest.raises(AggregateError, match=r"Post has no snapshots.*snapshot_threshold=100"):
        blog.snapshots.take_one(post_id)
    blog.snapshots.mark(post_id)
    assert [] == list(blog.snapshots.outdated())
    blog.engine.dispose()


def test_new_events_are_no_part_of_a_snapshot(app: Sequent) -> None:
    """Nothing is taken while an account has events that are not stored; taking one adds none."""
    aggregate_id = opened(app, "a")
    before = account(app, aggregate_id)
    before.take_snapshot()
    assert () == before.uncommitted_events

    def change() -> None:
        with app.unit_of_work():
            changed = app.repository.load_aggregate(aggregate_id, AnyAccount)
            changed.apply(ledger.Broken)
            changed.take_snapshot()

    with pytest.raises(HasUncommittedEvents):
        change()


def test_an_account_needs_a_snapshot_after_three_events(app: Sequent) -> None:
    """Counted from its first event, or from its latest snapshot; since when it does is kept."""
    with _clock.stopped(BEGIN):
        aggregate_id = opened(app, "a")
    assert [] == list(app.snapshots.outdated())
    with _clock.stopped(BEGIN + timedelta(hours=1)):
        entered(app, aggregate_id, "b")
    with _clock.stopped(BEGIN + timedelta(hours=2)):
        entered(app, aggregate_id, "c")
    assert [aggregate_id] == list(app.snapshots.outdated())
    with app.engine.connect() as connection:
        (since,) = connection.scalars(select(aggregates_that_need_snapshots.c.snapshot_outdated_at))
    assert since == BEGIN + timedelta(hours=1)
    assert 5 == app.snapshots.take_one(aggregate_id).sequence_number
    assert [] == list(app.snapshots.outdated())
    entered(app, aggregate_id, "d", "e")
    assert [] == list(app.snapshots.outdated())
    entered(app, aggregate_id, "f")
    assert [aggregate_id] == list(app.snapshots.outdated())


def test_a_snapshot_of_another_version_is_not_read(app: Sequent, at_version_2: Sequent) -> None:
    """The new code reads all events until it has a snapshot of its own; the old code keeps using its own."""
    aggregate_id = opened(app, "a", "b", "c")
    app.snapshots.take_one(aggregate_id)
    assert at_version_2.snapshots.latest(aggregate_id) is None
    assert state(account(app, aggregate_id)) == state(account(at_version_2, aggregate_id))
    at_version_2.snapshots.take_one(aggregate_id)
    assert [(1, 5), (2, 5)] == taken(app)
    old = app.snapshots.latest(aggregate_id)
    assert old is not None
    assert old.version == 1
    with at_version_2.unit_of_work() as unit:
        ((stream, _),) = at_version_2.event_store.load(unit.transaction, [aggregate_id])
    with pytest.raises(AggregateError, match=r"snapshot of version 2: the class has snapshots of version 1"):
        version_1.Account.load_from_history(stream, [])


def test_a_class_without_snapshots_refuses_one(app: Sequent, without_snapshots: Sequent) -> None:
    """It never gets one from the store, and says so when somebody else gives it one."""
    aggregate_id = opened(app, "a")
    app.snapshots.take_one(aggregate_id)
    with without_snapshots.unit_of_work() as unit:
        ((stream, _),) = without_snapshots.event_store.load(unit.transaction, [aggregate_id])
    assert stream.snapshot is None
    with app.unit_of_work() as unit:
        ((stream, _),) = app.event_store.load(unit.transaction, [aggregate_id])
    with pytest.raises(AggregateError, match="the class has no snapshots"):
        type(account(without_snapshots, aggregate_id)).load_from_history(stream, [])


def test_a_snapshot_that_cannot_be_read_is_not_needed(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """All events are read instead, and a warning says why: somebody forgot to raise the version."""
    aggregate_id = opened(app, "a", "b")
    app.snapshots.take_one(aggregate_id)
    entered(app, aggregate_id, "c")
    before = state(account(app, aggregate_id))
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(update(snapshot_records).values(snapshot_json='{"data": "BAhbBw=="}'))
    with caplog.at_level(logging.WARNING):
        assert before == state(account(app, aggregate_id))
    assert "the snapshot of Account" in caplog.text
    assert "loaded from all of its events instead" in caplog.text


def test_a_snapshot_of_another_program_is_not_touched(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """Sequent itself keeps snapshots in the same table that only Ruby can read: nobody tries to."""
    aggregate_id = opened(app, "a", "b")
    app.snapshots.mark(aggregate_id)
    row = {
        "aggregate_id": aggregate_id,
        "sequence_number": 3,
        "created_at": BEGIN,
        "snapshot_type": "Sequent::Core::SnapshotEvent",
        "snapshot_json": '{"data": "BAhbBw=="}',
        "snapshot_version": 1,
    }
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(snapshot_records.insert().values(**row))
    assert app.snapshots.latest(aggregate_id) is None
    assert 3 == account(app, aggregate_id).version
    assert [] == caplog.messages


def test_the_number_of_a_retired_event_is_not_used_again(database: Database) -> None:
    """An account whose latest event means nothing any more goes on after it, with a snapshot and without."""
    app = new_app(database.url)
    app.create_all()
    aggregate_id = opened(app, "a")
    app.execute_commands(Break(aggregate_id=aggregate_id))
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.exec_driver_sql(
            f"UPDATE {'sequent_schema.' if database.is_postgresql else ''}event_types "
            "SET type = 'Gone' WHERE type = 'Broken'"
        )
    app.engine.dispose()
    app = new_app(database.url, retired_events=["Gone"])
    assert 3 == account(app, aggregate_id).version
    entered(app, aggregate_id, "b")
    assert 4 == account(app, aggregate_id).version
    app.engine.dispose()


def test_state_that_no_snapshot_can_have_is_named(app: Sequent, caplog: pytest.LogCaptureFixture) -> None:
    """The account stays without; it waits behind the others, which are not kept waiting."""
    broken, sound = opened(app, "a", "b"), opened(app, "a", "b")
    app.execute_commands(Break(aggregate_id=broken))
    with pytest.raises(StateNotSerializable, match=r"Account\.broken cannot be part of a snapshot"):
        app.snapshots.take_one(broken)
    with caplog.at_level(logging.ERROR):
        first = app.snapshots.take(1)
    assert ([], [broken]) == (first.taken, [aggregate_id for aggregate_id, _ in first.failed])
    assert f"no snapshot of Account {broken}" in caplog.text
    assert [sound] == app.snapshots.take(1).taken
    assert [] == app.snapshots.take(5).taken
    assert [broken] == list(app.snapshots.outdated())


def test_an_unknown_aggregate_has_no_snapshot(app: Sequent) -> None:
    """It is an error to take one; to ask about it is not."""
    with pytest.raises(AggregateNotFound):
        app.snapshots.take_one(UUID(int=7))
    app.snapshots.mark(UUID(int=7))
    app.snapshots.clear(UUID(int=7))
    assert app.snapshots.latest(UUID(int=7)) is None
    assert 0 == app.snapshots.delete_below(UUID(int=7), 9)
    assert [] == list(app.snapshots.outdated())


def test_an_aggregate_that_is_gone_stays_so(app: Sequent) -> None:
    """What was deleted between loading and storing does not come back as a snapshot."""
    aggregate_id = opened(app)
    snapshot = app.repository.take_snapshot(aggregate_id)
    lost(app, aggregate_id, 1)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        connection.execute(delete(aggregates))
    with app.unit_of_work() as unit:
        app.event_store.snapshots.store(unit.transaction, snapshot)
    assert [] == taken(app)


def test_limits_are_positive(app: Sequent) -> None:
    """And moments have a timezone."""
    with pytest.raises(ConfigurationError, match="limit must be 1 or more, not 0"):
        app.snapshots.take(0)
    with pytest.raises(ValueError, match="no timezone"):
        app.snapshots.clear_unchanged_since(datetime(2026, 1, 1))  # noqa: DTZ001 - that is what is wrong


class Ledger:
    """Two versions of the ledger on one event store. `declared` says which one's turn it is, where that matters."""

    def __init__(
        self, versions: dict[int, tuple[UnitsOfWork, EventStore, Sequent]], declared: dict[str, int] | None = None
    ) -> None:
        self._declared = {} if declared is None else declared
        self._next_id = 1
        self._snapshots: dict[int, Snapshots] = {}
        self._services: dict[int, CommandService] = {}
        for version, (units, store, app) in versions.items():
            repository = AggregateRepository(units, store, app.type_names)
            self._snapshots[version] = Snapshots(units, store.snapshots, repository)
            publisher = EventPublisher(units, lambda _: [])
            self._services[version] = app.wiring.command_service(units, repository, publisher)

    @property
    def current(self) -> Snapshots:
        """The snapshots of version 1."""
        self._declared["Account"] = 1
        return self._snapshots[1]

    @property
    def next(self) -> Snapshots:
        """The snapshots of version 2."""
        self._declared["Account"] = 2
        return self._snapshots[2]

    def opened(self, *texts: str, version: int = 1) -> UUID:
        """A new account with these entries."""
        aggregate_id = UUID(int=self._next_id)
        self._next_id += 1
        self._services[version].execute_commands(
            OpenAccount(aggregate_id=aggregate_id, iban=f"NL{aggregate_id}"),
            Book(aggregate_id=aggregate_id, amount=Decimal(1), texts=list(texts)),
        )
        return aggregate_id

    def entered(self, aggregate_id: UUID, *texts: str) -> None:
        """More entries of an account."""
        self._services[1].execute_commands(Book(aggregate_id=aggregate_id, amount=Decimal(1), texts=list(texts)))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """The ledger on each kind of event store."""
    if request.param == "memory":
        apps = {1: new_app("sqlite://"), 2: new_app("sqlite://", "version_2")}
        declared = {"Account": 1}
        store = InMemoryEventStore(declared)
        units = UnitsOfWork(store.begin)
        yield Ledger({version: (units, store, app) for version, app in apps.items()}, declared)
        return
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    url = databases.create().url
    apps = {1: new_app(url), 2: new_app(url, "version_2")}
    apps[1].create_all()
    yield Ledger(
        {
            version: (
                UnitsOfWork(app._engines.writing, app._engines.reading),
                app.event_store,
                app,
            )
            for version, app in apps.items()
        }
    )
    for app in apps.values():
        app.engine.dispose()


def numbers(snapshots: Snapshots, *aggregate_ids: UUID) -> list[int | None]:
    """The number of the latest snapshot of each account."""
    found = map(snapshots.latest, aggregate_ids)
    return [None if snapshot is None else snapshot.sequence_number for snapshot in found]


def scheduled(snapshots: Snapshots, limit: int, forgotten_before: datetime = BEGIN) -> list[UUID]:
    """Which accounts are handed out."""
    with snapshots._units.open() as unit:
        return [each.aggregate_id for each in snapshots._store.schedule(unit.transaction, limit, forgotten_before)]


def test_those_that_wait_are_listed_page_by_page(kept: Ledger) -> None:
    """In the order of their ids; those of another version are not among them."""
    ids = [kept.opened("a", "b") for _ in range(4)]
    kept.opened("a")
    kept.opened("a", "b", version=2)
    assert ids == list(kept.current.outdated())
    assert ids[:2] == list(kept.current.outdated(limit=2))
    assert ids[2:] == list(kept.current.outdated(after=ids[1]))


def test_who_waits_longest_comes_first(kept: Ledger) -> None:
    """Then those with the longest history, then by id; what is handed out is not handed out again."""
    marked = [kept.opened() for _ in range(5)]
    for number, aggregate_id in enumerate([marked[2], marked[0]]):
        with _clock.stopped(BEGIN + timedelta(seconds=number)):
            kept.current.mark(aggregate_id)
    kept.current.take_one(marked[4])
    with _clock.stopped(BEGIN + timedelta(seconds=9)):
        kept.current.mark(*marked)
    order = [marked[2], marked[0], marked[4], marked[1], marked[3]]
    assert order[:2] == scheduled(kept.current, 2)
    assert [] == scheduled(kept.current, 2)
    assert order[2:] == scheduled(kept.current, 9)
    assert [] == scheduled(kept.current, 9)


def test_what_was_handed_out_is_forgotten_after_a_while(kept: Ledger) -> None:
    """Whoever died over it took it in vain."""
    first, second = kept.opened("a", "b"), kept.opened("a", "b")
    with _clock.stopped(BEGIN):
        assert [first] == scheduled(kept.current, 1)
    assert [] == scheduled(kept.current, 1, BEGIN)
    assert [first] == scheduled(kept.current, 1, BEGIN + timedelta(seconds=1))
    assert [second] == kept.current.take(2).taken
    assert [first] == kept.current.take(2, forgotten_after=timedelta(0)).taken


def test_marking_by_hand_hands_out_again(kept: Ledger) -> None:
    """And keeps since when the account waits."""
    first, second = kept.opened("a", "b"), kept.opened("a", "b")
    assert [first, second] == scheduled(kept.current, 2)
    kept.current.mark(second)
    assert [second] == scheduled(kept.current, 2)
    kept.current.mark(second, first)
    assert [first, second] == scheduled(kept.current, 2)


def test_a_snapshot_ends_the_waiting(kept: Ledger) -> None:
    """A second one with the same number replaces it, one with a smaller number changes nothing."""
    aggregate_id = kept.opened("a", "b")
    old = kept.current.take_one(aggregate_id)
    assert [] == list(kept.current.outdated())
    kept.current.take_one(aggregate_id)
    assert [4] == numbers(kept.current, aggregate_id)
    with kept.current._units.open() as unit:
        kept.current._store.store(unit.transaction, replace(old, sequence_number=2))
    assert [4] == numbers(kept.current, aggregate_id)
    shorter = kept.opened("a")
    kept.current.take_one(shorter)
    with _clock.stopped(BEGIN):
        kept.current.mark(aggregate_id, shorter)
    assert [aggregate_id, shorter] == scheduled(kept.current, 2)  # the longest history is known still
    assert 1 == kept.current.delete_below(aggregate_id, 4)
    assert [4] == numbers(kept.current, aggregate_id)
    with kept.current._units.open() as unit:
        kept.current._store.store(unit.transaction, replace(old, data="{}"))
    assert ["{}"] == [each.data for each in [kept.current.latest(aggregate_id)] if each]


def test_who_has_his_snapshot_is_handed_out_again(kept: Ledger) -> None:
    """Once he needs the next one, however recently he was handed out."""
    aggregate_id = kept.opened("a", "b")
    assert [aggregate_id] == scheduled(kept.current, 1)
    kept.current.take_one(aggregate_id)
    kept.entered(aggregate_id, "c", "d", "e")
    assert [aggregate_id] == scheduled(kept.current, 1)


def test_clearing_forgets_an_account(kept: Ledger) -> None:
    """Its marks and snapshots; it can be marked again."""
    first, second = kept.opened("a", "b"), kept.opened("a", "b")
    kept.current.take_one(first)
    kept.current.clear(first)
    assert [None] == numbers(kept.current, first)
    assert [second] == list(kept.current.outdated())
    kept.current.mark(first)
    assert [first, second] == list(kept.current.outdated())


def test_what_rests_can_be_cleared(kept: Ledger) -> None:
    """Accounts with an event at the moment, or after it, stay."""
    with _clock.stopped(BEGIN):
        resting = kept.opened("a", "b")
    with _clock.stopped(BEGIN + timedelta(days=1)):
        busy = kept.opened("a", "b")
    kept.current.take(2)
    kept.current.clear_unchanged_since(BEGIN)
    assert [4, 4] == numbers(kept.current, resting, busy)
    kept.current.clear_unchanged_since(BEGIN + timedelta(days=1))
    assert [None, 4] == numbers(kept.current, resting, busy)


def test_all_can_be_deleted(kept: Ledger) -> None:
    """Then all that were tracked wait for a new one, those that waited before since then."""
    waiting, had, never = kept.opened("a", "b"), kept.opened("a"), kept.opened("a")
    with _clock.stopped(BEGIN):
        kept.current.mark(had)
    kept.current.take_one(had)
    assert 1 == kept.current.delete_all()
    assert 0 == kept.current.delete_all()
    assert [None, None, None] == numbers(kept.current, waiting, had, never)
    assert [waiting, had] == list(kept.current.outdated())
    assert [waiting, had] == kept.current.take(5).taken


def test_old_snapshots_can_be_deleted(kept: Ledger) -> None:
    """Only those of the current version; when none is left, the account waits for one."""
    aggregate_id = kept.opened("a", "b")
    kept.current.take_one(aggregate_id)
    kept.next.take_one(aggregate_id)
    assert 0 == kept.current.delete_below(aggregate_id, 4)
    assert [] == list(kept.current.outdated())
    assert 1 == kept.current.delete_below(aggregate_id, 5)
    assert [aggregate_id] == list(kept.current.outdated())
    assert [4] == numbers(kept.next, aggregate_id)


def test_unknown_versions_can_be_deleted(kept: Ledger) -> None:
    """Snapshots and marks of versions that this code does not have."""
    first, second = kept.opened("a", "b"), kept.opened("a", "b")
    kept.current.take_one(first)
    kept.next.take_one(first)
    assert 2 == kept.next.delete_unknown()
    assert 0 == kept.next.delete_unknown()
    assert [None, None] == numbers(kept.current, first, second)
    assert [4] == numbers(kept.next, first)
    assert [] == list(kept.current.outdated())


def test_a_new_version_is_registered(kept: Ledger) -> None:
    """Whoever was tracked waits for a snapshot of the new version; whoever never was does not."""
    had, waits, _ = kept.opened("a", "b"), kept.opened("a", "b"), kept.opened("a")
    kept.current.take_one(had)
    assert [] == list(kept.next.outdated())
    assert 2 == kept.next.register_versions()
    assert 0 == kept.next.register_versions()
    assert [had, waits] == list(kept.next.outdated())
    assert [waits] == list(kept.current.outdated())


def test_what_was_done_in_a_unit_of_work_that_failed_is_undone(kept: Ledger) -> None:
    """Snapshots and marks like everything else."""
    first, second = kept.opened("a", "b"), kept.opened("a", "b")
    kept.current.take_one(first)

    def change_and_fail() -> None:
        with kept.current._units.open():
            kept.current.delete_all()
            kept.current.clear(second)
            kept.current.mark(first)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert [4, None] == numbers(kept.current, first, second)
    assert [second] == list(kept.current.outdated())
    assert [second] == scheduled(kept.current, 2)


def test_what_another_transaction_hands_out_is_skipped(postgresql_databases: PostgreSQLDatabases) -> None:
    """Nobody waits for it."""
    app = new_app(postgresql_databases.create().url)
    app.create_all()
    first, second = opened(app, "a", "b"), opened(app, "a", "b")
    store = app.event_store.snapshots
    units = UnitsOfWork(app._engines.writing)
    with app.unit_of_work() as mine, units.open() as other:
        assert [first] == [each.aggregate_id for each in store.schedule(mine.transaction, 1, BEGIN)]
        assert [second] == [each.aggregate_id for each in store.schedule(other.transaction, 5, BEGIN)]
    app.engine.dispose()


TAKING = """
import sys
from tests.ledger.app import app
print("ready", flush=True)
sys.stdin.readline()
print(*app.snapshots.take(40).taken, flush=True)
"""

DYING = """
import os, signal
from tests.ledger.app import app
app.repository.take_snapshot = lambda _: os.kill(os.getpid(), signal.SIGKILL)
app.snapshots.take(1)
"""


def started(database: Database, program: str) -> subprocess.Popen[str]:
    """A process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"DATABASE_URL": database.url, "PATH": "", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_share_the_work(app: Sequent, database: Database) -> None:
    """Two that take snapshots at once take each of them once, and together all."""
    ids = {opened(app, "a", "b") for _ in range(40)}
    with started(database, TAKING) as one, started(database, TAKING) as other:
        for process in (one, other):
            assert process.stdout is not None
            assert "ready" == process.stdout.readline().strip()
        found = [UUID(text) for process in (one, other) for text in process.communicate("go\n")[0].split()]
    assert ids == set(found)
    assert len(ids) == len(found) == len(taken(app))


def test_what_a_killed_process_began_is_taken_up(app: Sequent, database: Database) -> None:
    """Once it is held to be forgotten, not before."""
    aggregate_id = opened(app, "a", "b")
    with started(database, DYING) as process:
        process.communicate()
    assert -signal.SIGKILL == process.returncode
    assert [] == app.snapshots.take(1).taken
    assert [aggregate_id] == app.snapshots.take(1, forgotten_after=timedelta(0)).taken
