"""Updates that become part of an earlier write of their row: the rows are the same as if each had been sent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, CheckConstraint, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    AggregateRoot,
    Command,
    CommandHandler,
    Event,
    Projector,
    PublishEventError,
    Sequent,
    ViewRecordBase,
    on,
)
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.persistor import Persistor
from tests.databases import Database


class Record(ViewRecordBase):
    __abstract__ = True


class Item(Record):
    __tablename__ = "items"
    __table_args__ = (CheckConstraint("words > -100", name="enough_words"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    part: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str | None] = mapped_column(default=None)
    words: Mapped[int] = mapped_column(default=0)
    tags: Mapped[list[str] | None] = mapped_column(JSON(), default=None)


class Place(Record):
    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("spot"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    spot: Mapped[int]
    name: Mapped[str | None] = mapped_column(default=None)
    item: Mapped[int | None] = mapped_column(default=None)


class Begun(Event):
    pass


class Counted(Event):
    words: int


class Count(Command):
    words: int


class Counter(AggregateRoot):
    def __init__(self, command: Count) -> None:
        super().__init__(command.aggregate_id)
        self.apply(Begun)
        self.apply(Counted, words=command.words)


class CounterHandler(CommandHandler):
    @on(Count)
    def count(self, command: Count) -> None:
        self.repository.add_aggregate(Counter(command))


class ItemProjector(Projector, manages_tables=(Item, Place)):
    @on(Begun)
    def begun(self, event: Begun) -> None:
        self.create_record(Item, id=1, part="a")

    @on(Counted)
    def counted(self, event: Counted) -> None:
        self.update_all_records(Item, {"id": 1, "part": "a"}, {"words": event.words})


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application with tables that have all kinds of keys."""
    app = Sequent(database.url, command_handlers=[CounterHandler], projectors=[ItemProjector], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


IDS = st.integers(1, 3)
PARTS = st.sampled_from(["a", "A"])
TITLES = st.sampled_from([None, "x", "y"])
WORDS = st.integers(0, 3)
CHANGES = st.fixed_dictionaries({}, optional={"title": TITLES, "words": WORDS}).filter(bool)
KEYS = st.fixed_dictionaries({"id": IDS, "part": PARTS})
WHERES = st.one_of(
    KEYS,
    st.fixed_dictionaries({"part": PARTS}),
    st.fixed_dictionaries({"title": TITLES}),
    st.fixed_dictionaries({"id": st.lists(IDS, max_size=2), "part": PARTS}),
    st.fixed_dictionaries({"title": st.lists(TITLES, max_size=2)}),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), KEYS, st.fixed_dictionaries({"title": TITLES, "words": WORDS})),
        st.tuples(st.just("update"), KEYS, CHANGES),
        st.tuples(st.just("update"), WHERES, CHANGES),
        st.tuples(st.just("delete"), WHERES, st.just({})),
        st.tuples(st.just("find"), WHERES, st.just({})),
    ),
    max_size=14,
)
_A1: dict[str, Any] = {"id": 1, "part": "a"}
_TITLED_Y: dict[str, Any] = {"title": "y"}
Step = tuple[str, dict[str, Any], dict[str, Any]]
Rows = list[tuple[object, ...]]


class Model:
    """What the operations mean, on a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], dict[str, Any]] = {}

    def step(self, step: Step) -> bool:
        """Carry it out, unless it would violate the primary key."""
        operation, where, values = step
        if operation == "insert":
            key = where["id"], where["part"]
            if key in self.rows:
                return False
            self.rows[key] = {**where, **values}
            return True
        matching = [
            key for key, row in self.rows.items() if all(_fits(row[name], value) for name, value in where.items())
        ]
        for key in matching:
            if operation == "update":
                self.rows[key].update(values)
            elif operation == "delete":
                del self.rows[key]
        return True

    def sorted(self) -> Rows:
        """All rows."""
        return sorted(
            ((row["id"], row["part"], row["title"], row["words"]) for row in self.rows.values()),
            key=lambda row: row[:2],
        )


def _fits(held: object, wanted: object) -> bool:
    return held in wanted if isinstance(wanted, list) else held == wanted


def carry_out(persistor: Persistor, step: Step) -> None:
    """One step, by a persistor."""
    operation, where, values = step
    if operation == "insert":
        persistor.insert(Item, [Item(**where, **values)])
    elif operation == "update":
        persistor.update_all(Item, where, values)
    elif operation == "delete":
        persistor.delete_all(Item, where)
    else:
        persistor.find(Item, where)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
# A condition between two changes of a row must see what the row was then.
@example(steps=[("insert", _A1, {"title": "x", "words": 0}), ("delete", _TITLED_Y, {}), ("update", _A1, _TITLED_Y)])
@example(
    steps=[("insert", _A1, {"title": "x", "words": 0}), ("update", _TITLED_Y, {"words": 3}), ("update", _A1, _TITLED_Y)]
)
@example(steps=[("insert", _A1, {"title": "x", "words": 0}), ("update", {**_A1, **_TITLED_Y}, {"words": 3})])
def test_any_operations_give_the_rows_that_they_mean(app: Sequent, steps: Sequence[Step]) -> None:
    """Live, where they are folded, and in a replay, where they are made in memory."""
    model, replay = Model(), InMemoryPersistor()
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.delete_all(Item, {})
        for step in steps:
            if model.step(step):
                carry_out(live, step)
                carry_out(replay, step)
    with app.session() as session:
        found = session.execute(select(Item.id, Item.part, Item.title, Item.words)).all()
    assert model.sorted() == sorted((tuple(row) for row in found), key=lambda row: row[:2])
    in_memory = [(row.id, row.part, row.title, row.words) for row in replay.find(Item, {})]
    assert model.sorted() == sorted(in_memory, key=lambda row: row[:2])


def test_updates_of_a_new_row_are_part_of_its_insert(app: Sequent) -> None:
    """One statement for a row that is created and changed twice, and one for a row that is changed twice."""
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.insert(Item, [Item(id=1, part="a", words=0)])
        live.update_all(Item, {"id": 1, "part": "a"}, {"words": 1})
        live.update_all(Item, {"part": "a", "id": 1}, {"title": "x", "words": 2})
        live.update_all(Item, {"id": 2, "part": "a"}, {"words": 1})
        live.update_all(Item, {"id": 2, "part": "a"}, {"title": "y"})
        assert len(cast(Any, unit.transaction)._pending) == 2


@pytest.mark.parametrize("order", list(itertools.permutations(["free", "take", "name"])))
def test_nothing_moves_across_what_a_constraint_needs(app: Sequent, order: Sequence[str]) -> None:
    """A spot that is given up before it is taken is free; one that is taken before is not."""
    first, second = app.new_uuid(), app.new_uuid()
    steps: dict[str, tuple[UUID, dict[str, object]]] = {
        "free": (first, {"spot": 9}),
        "take": (second, {"spot": 1}),
        "name": (second, {"name": "second"}),
    }

    def move() -> None:
        with app.unit_of_work() as unit:
            live = LivePersistor(lambda: unit.transaction, lambda: None)
            live.insert(Place, [Place(id=first, spot=1), Place(id=second, spot=2)])
            for step in order:
                live.update_all(Place, {"id": steps[step][0]}, steps[step][1])

    if order.index("free") < order.index("take"):
        move()
        with app.session() as session:
            assert session.execute(select(Place.spot, Place.name).order_by(Place.spot)).all() == [
                (1, "second"),
                (9, None),
            ]
        return
    with pytest.raises(Exception, match=r"(?i)unique"):
        move()


def test_a_value_is_that_of_the_moment_when_it_was_written(app: Sequent) -> None:
    """What is written later is not what somebody makes of a list or dict afterwards."""
    where: dict[str, object] = {"id": [1], "part": "a"}
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.insert(Item, [Item(id=1, part="a", words=0), Item(id=2, part="a", words=0)])
        live.update_all(Item, where, {"words": 5})
        cast("list[int]", where["id"]).append(2)
    with app.session() as session:
        assert session.scalars(select(Item.words).order_by(Item.id)).all() == [5, 0]


def test_a_later_change_does_not_bring_what_was_never_saved(app: Sequent) -> None:
    """A list that a projector goes on to change in its record is stored as it was, whatever else is folded."""
    first, second = Item(id=1, part="a", words=0, tags=["x"]), ["x"]
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.insert(Item, [first, Item(id=2, part="a", words=0)])
        live.update_all(Item, {"id": 2, "part": "a"}, {"tags": second})
        cast("list[str]", first.tags).append("y")
        second.append("y")
        for number in (1, 2):
            live.update_all(Item, {"id": number, "part": "a"}, {"words": 3})
    with app.session() as session:
        assert session.execute(select(Item.tags, Item.words)).all() == [(["x"], 3), (["x"], 3)]
    with app.unit_of_work() as unit:
        live.update_all(Item, {"id": 1, "part": "a"}, {"tags": second})
        second.append("z")
        live.update_all(Item, {"id": 1, "part": "a"}, {"words": 4})
    with app.session() as session:
        assert (["x", "y"], 4) == session.execute(select(Item.tags, Item.words).where(Item.id == 1)).one()


def test_what_the_database_works_out_is_not_moved(app: Sequent) -> None:
    """An expression is about the row as the statements before it have left it."""
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        live.insert(Item, [Item(**_A1, words=1)])
        live.update_all(Item, _A1, {"words": Item.words + 1})
        live.update_all(Item, _A1, {"title": "x"})
    with app.session() as session:
        assert (2, "x") == session.execute(select(Item.words, Item.title)).one()


def test_an_error_names_what_changed_the_row_last(app: Sequent) -> None:
    """The row is refused because of the second event, whose change went into the INSERT of the first."""
    with pytest.raises(PublishEventError) as caught:
        app.execute_commands(Count(aggregate_id=app.new_uuid(), words=-100))
    assert caught.value.handler is ItemProjector
    assert isinstance(caught.value.event, Counted)
    app.execute_commands(Count(aggregate_id=app.new_uuid(), words=1))
