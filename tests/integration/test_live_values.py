"""What a projector stores and finds are the same values, whatever the type of the column."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Float, Interval, LargeBinary, Numeric, Text, Uuid, select
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import Event, ExactDecimal, Projector, Sequent, UtcDateTime, ViewRecordBase, on
from sequent_sa.projections.persistors.live import LivePersistor
from tests.databases import Database


class Color(enum.Enum):
    RED = "red"


class Record(ViewRecordBase):
    __abstract__ = True


class Thing(Record):
    __tablename__ = "things"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    flag: Mapped[bool | None] = mapped_column(default=None)
    number: Mapped[int | None] = mapped_column(default=None)
    fraction: Mapped[float | None] = mapped_column(default=None)
    decimal_of_float: Mapped[Decimal | None] = mapped_column(Float(asdecimal=True), default=None)
    plain: Mapped[float | None] = mapped_column(Numeric(10, 2, asdecimal=False), default=None)
    exact: Mapped[Decimal | None] = mapped_column(ExactDecimal(), default=None)
    text: Mapped[str | None] = mapped_column(Text(), default=None)
    day: Mapped[date | None] = mapped_column(default=None)
    hour: Mapped[time | None] = mapped_column(default=None)
    moment: Mapped[datetime | None] = mapped_column(UtcDateTime(), default=None)
    length: Mapped[timedelta | None] = mapped_column(Interval(), default=None)
    color: Mapped[Color | None] = mapped_column(default=None)
    data: Mapped[Any | None] = mapped_column(JSON(), default=None)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary(), default=None)
    other: Mapped[str | None] = mapped_column(Uuid(as_uuid=False), default=None)


class Nothing(Event):
    pass


class ThingProjector(Projector, manages_tables=(Thing,)):
    @on(Nothing)
    def nothing(self, event: Nothing) -> None: ...


VALUES: dict[str, Any] = {
    "flag": True,
    "number": 2**31 - 1,
    "fraction": 0.1,
    "decimal_of_float": Decimal("0.5"),
    "plain": 1.25,
    "exact": Decimal("1.10000000000000000000000000000000000001"),
    "text": "it's 100% :name ?",
    "day": date(2026, 2, 28),
    "hour": time(23, 59, 59, 999_999),
    "moment": datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
    "length": timedelta(days=1, microseconds=1),
    "color": Color.RED,
    "data": {"a": [1, None, "x"]},
    "raw": b"\0\xff",
    "other": "6c9c2a30-6a0e-4f52-9f3f-0d2b9a4a7c11",
}


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application with a table of many types."""
    app = Sequent(database.url, projectors=[ThingProjector], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.mark.parametrize("pending", [True, False])
def test_values_are_found_as_they_were_stored(app: Sequent, pending: bool) -> None:
    """In the flight that stores them, afterwards, and by SQLAlchemy; None as well."""
    full, empty = app.new_uuid(), app.new_uuid()

    def persistor(unit: Any) -> LivePersistor:
        return LivePersistor(lambda: unit.transaction, lambda: None)

    def found(live: LivePersistor, id_: UUID) -> dict[str, Any]:
        (record,) = live.find(Thing, {"id": id_})
        return {name: getattr(record, name) for name in VALUES}

    with app.unit_of_work() as unit:
        live = persistor(unit)
        live.insert(Thing, [Thing(id=full, **VALUES), Thing(id=empty)])
        if pending:
            assert found(live, full) == VALUES
            assert found(live, empty) == dict.fromkeys(VALUES)
    with app.unit_of_work() as unit:
        assert found(persistor(unit), full) == VALUES
        assert found(persistor(unit), empty) == dict.fromkeys(VALUES)
        persistor(unit).update_all(Thing, {"id": empty}, VALUES)
        assert found(persistor(unit), empty) == VALUES
    with app.session() as session:
        for thing in session.scalars(select(Thing)):
            assert {name: getattr(thing, name) for name in VALUES} == VALUES


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("data",)])
def test_values_find_their_record(app: Sequent, name: str) -> None:
    """As a condition, alone and in a list; and they find nothing else."""
    id_ = app.new_uuid()
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.insert(Thing, [Thing(id=id_, **VALUES), Thing(id=app.new_uuid())])
        for value in (VALUES[name], [VALUES[name]]):
            assert [thing.id for thing in live.find(Thing, {name: value})] == [id_]
        assert len(live.find(Thing, {name: [None, VALUES[name]]})) == 2
