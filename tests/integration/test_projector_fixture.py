"""The `sequent_projector` fixture on real tables: what it projects, and what its attack finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import ConfigurationError, Event, Projector, Sequent, ViewRecordBase, on
from sequent_sa.exceptions import PublishEventError
from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.testing import ProjectorFixture
from sequent_sa.testing.projection import projecting
from sequent_sa.testing.stage import create_view_tables, undone
from tests.databases import Database, SQLiteDatabases


class Opened(Event):
    owner: str


class Deposited(Event):
    cents: int


class ViewRecord(ViewRecordBase):
    __abstract__ = True


class AccountRecord(ViewRecord):
    __tablename__ = "attacked_accounts"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    deposits: Mapped[int] = mapped_column(default=0)


class DatedRecord(ViewRecord):
    __tablename__ = "dated_accounts"
    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]


class GoodProjector(Projector, manages_tables=(AccountRecord,)):
    @on(Opened)
    def opened(self, event: Opened) -> None:
        if self.find_records(AccountRecord, {"aggregate_id": event.aggregate_id}):
            self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, {"owner": event.owner})
        else:
            self.create_record(AccountRecord, aggregate_id=event.aggregate_id, owner=event.owner)

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        def count(record: AccountRecord) -> None:
            record.deposits += 1

        self.update_record(AccountRecord, event, count)


class ForgetfulProjector(GoodProjector):
    """Counts in itself instead of in its table."""

    def __init__(self, persistor: Persistor) -> None:
        super().__init__(persistor)
        self.seen = 0

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.seen += 1
        self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, {"deposits": self.seen})


class Hoarder(GoodProjector):
    """Keeps what it needs in its class, where no rollback and no replay finds it."""

    owners: ClassVar[dict[UUID, int]] = {}

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.owners[event.aggregate_id] = self.owners.get(event.aggregate_id, 0) + 1
        deposits = {"deposits": self.owners[event.aggregate_id]}
        self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, deposits)


class Procrastinator(GoodProjector):
    """Writes what one event says only when the next one comes."""

    def __init__(self, persistor: Persistor) -> None:
        super().__init__(persistor)
        self.late: list[Deposited] = []

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        for late in self.late:
            self.update_all_records(AccountRecord, {"aggregate_id": late.aggregate_id}, {"deposits": late.cents})
        self.late = [event]


class ClockWatcher(GoodProjector):
    """Writes when it was at work."""

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        now = {"owner": datetime.now(UTC).isoformat()}
        self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, now)


class Dater(Projector, manages_tables=(DatedRecord,)):
    """Lets the moment at which it is at work be the one at which a record was created."""

    @on(Opened)
    def opened(self, event: Opened) -> None:
        self.create_or_update_record(DatedRecord, {"aggregate_id": event.aggregate_id})


class RightDater(Dater):
    """Takes that moment from the event."""

    @on(Opened)
    def opened(self, event: Opened) -> None:
        self.create_or_update_record(DatedRecord, {"aggregate_id": event.aggregate_id}, created_at=event.created_at)


class Ranker(GoodProjector):
    """Numbers aggregates in the order in which they came."""

    @on(Opened)
    def opened(self, event: Opened) -> None:
        place = len(self.find_records(AccountRecord, {})) + 1
        self.delete_all_records(AccountRecord, {"aggregate_id": event.aggregate_id})
        self.create_record(AccountRecord, aggregate_id=event.aggregate_id, owner="x", deposits=place)


class StoreRanker(Ranker, replay_by="store"):
    """Says that it needs that order."""


class Meddler(GoodProjector):
    """Changes what belongs to other aggregates."""

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.update_all_records(AccountRecord, {}, {"deposits": event.cents})


class Collector(Projector, manages_tables=(AccountRecord,)):
    """Has one record for all aggregates."""

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        for record in self.find_records(AccountRecord, {"owner": "everybody"}):
            self.delete_record(record)
        self.create_record(AccountRecord, aggregate_id=UUID(int=1), owner="everybody", deposits=event.cents)


class Gambler(GoodProjector):
    """Writes what nobody can know."""

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, {"owner": str(uuid4())})


class IdleProjector(Projector, manages_tables=None):
    pass


@pytest.fixture
def app(database: Database) -> Sequent:
    return Sequent(database.url, projectors=[GoodProjector])


@pytest.fixture
def fixture(app: Sequent) -> Iterator[ProjectorFixture]:
    create_view_tables(app)
    with undone(app) as connection, projecting(app, connection) as found:
        yield found
    app.engine.dispose()


@pytest.fixture
def on_sqlite(sqlite_databases: SQLiteDatabases) -> Iterator[ProjectorFixture]:
    """For what is the same on every database, and takes its time."""
    app = Sequent(sqlite_databases.create().url, projectors=[GoodProjector])
    create_view_tables(app)
    with undone(app) as connection, projecting(app, connection) as found:
        ViewRecord.metadata.create_all(connection)
        yield found
    app.engine.dispose()


def test_events_become_rows(fixture: ProjectorFixture) -> None:
    """The session sees what the projector wrote, in the same transaction."""
    id_ = uuid4()
    fixture.project(Opened(id_, 1, owner="Ben"), [Deposited(id_, 2, cents=5), Deposited(id_, 3, cents=7)])
    record = fixture.session.get_one(AccountRecord, id_)
    assert (record.owner, record.deposits) == ("Ben", 2)
    with pytest.raises(PublishEventError, match="GoodProjector failed on Deposited"):
        fixture.project(Deposited(uuid4(), 1, cents=5))


def test_nothing_of_a_test_stays(app: Sequent) -> None:
    """The tables are empty for the next test."""
    create_view_tables(app)
    with undone(app) as connection, projecting(app, connection) as first:
        first.project(Opened(uuid4(), 1, owner="Ben"))
        assert len(first.session.scalars(select(AccountRecord)).all()) == 1
    with undone(app) as connection, projecting(app, connection) as second:
        assert second.session.scalars(select(AccountRecord)).all() == []
    app.engine.dispose()


def test_a_sound_projector_stands_an_attack(fixture: ProjectorFixture) -> None:
    """Its rows are the same live, replayed, and with failures; and none of them stays."""
    fixture.attack(GoodProjector, begins_with=[Opened], examples=20)
    fixture.attack(GoodProjector, examples=10)
    assert fixture.session.scalars(select(AccountRecord)).all() == []


def test_a_projector_that_counts_in_itself_does_not(fixture: ProjectorFixture) -> None:
    """The smallest history that shows it is in the message."""
    with pytest.raises(AssertionError, match="ForgetfulProjector gives other rows") as found:
        fixture.attack(ForgetfulProjector, begins_with=[Opened], examples=50)
    assert "Deposited(" in str(found.value)


@pytest.mark.parametrize(
    "projector", [Hoarder, Procrastinator, ClockWatcher, Dater, Ranker, Meddler, Collector, Gambler]
)
def test_what_makes_a_replay_give_other_rows_is_found(on_sqlite: ProjectorFixture, projector: type[Projector]) -> None:
    """State outside of the tables, the clock, chance, and what other aggregates did."""
    begins_with = [Opened] if Opened in projector.handled_events() else None
    with pytest.raises(AssertionError, match=f"{projector.__name__} gives other rows"):
        on_sqlite.attack(projector, begins_with=begins_with, examples=60)


@pytest.mark.parametrize("projector", [RightDater, StoreRanker])
def test_what_is_right_is_not_found(on_sqlite: ProjectorFixture, projector: type[Projector]) -> None:
    """The same projectors after the mistake was corrected."""
    on_sqlite.attack(projector, begins_with=[Opened], examples=15)
    assert on_sqlite.session.scalars(select(AccountRecord)).all() == []


def test_columns_that_no_projector_decides_are_left_out(on_sqlite: ProjectorFixture) -> None:
    """If they are named."""
    on_sqlite.attack(ClockWatcher, begins_with=[Opened], ignoring=["owner"], examples=15)
    assert on_sqlite.session.scalars(select(AccountRecord)).all() == []


def test_what_cannot_be_attacked_is_said(fixture: ProjectorFixture) -> None:
    """A projector without events, and a first event that it does not handle."""
    with pytest.raises(ConfigurationError, match="IdleProjector handles no events"):
        fixture.attack(IdleProjector)

    class Closed(Event):
        pass

    with pytest.raises(ConfigurationError, match="GoodProjector does not handle Closed"):
        fixture.attack(GoodProjector, begins_with=[Closed])


def test_an_attack_that_is_always_refused_proves_nothing(fixture: ProjectorFixture) -> None:
    """A projector that fails on everything gives equal rows, none; that is not passed off as success."""

    class Closed(Event):
        pass

    class FailingProjector(Projector, manages_tables=(AccountRecord,)):
        @on(Closed)
        def closed(self) -> None:
            raise RuntimeError("never")

    with pytest.raises(AssertionError, match=r"FailingProjector refused every history: .*RuntimeError: never"):
        fixture.attack(FailingProjector, examples=5)
