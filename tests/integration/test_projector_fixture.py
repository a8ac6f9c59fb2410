"""The `sequent_projector` fixture on real tables: what it projects, and what its attack finds."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import ConfigurationError, Event, Projector, Sequent, ViewRecordBase, on
from sequent_sa.exceptions import PublishEventError
from sequent_sa.testing import ProjectorFixture
from sequent_sa.testing.projection import create_view_tables, projecting
from tests.databases import Database


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

    def __init__(self, persistor: object) -> None:
        super().__init__(persistor)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        self.seen = 0

    @on(Deposited)
    def deposited(self, event: Deposited) -> None:
        self.seen += 1
        self.update_all_records(AccountRecord, {"aggregate_id": event.aggregate_id}, {"deposits": self.seen})


class IdleProjector(Projector, manages_tables=None):
    pass


@pytest.fixture
def app(database: Database) -> Sequent:
    return Sequent(database.url, projectors=[GoodProjector])


@pytest.fixture
def fixture(app: Sequent) -> Iterator[ProjectorFixture]:
    create_view_tables(app)
    with projecting(app) as found:
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
    with projecting(app) as first:
        first.project(Opened(uuid4(), 1, owner="Ben"))
        assert len(first.session.scalars(select(AccountRecord)).all()) == 1
    with projecting(app) as second:
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
