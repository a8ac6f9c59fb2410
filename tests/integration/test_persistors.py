"""What a projector writes live, and what a replay loads from memory, are the same rows."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ARRAY, JSON, Connection, Text, delete, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import (
    Event,
    Projector,
    PublishEventError,
    RecordNotFound,
    ReplayError,
    Sequent,
    ViewRecordBase,
    on,
)
from sequent_sa.exceptions import ProjectorError
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.record_table import record_table
from sequent_sa.replay.loading import LoadingTransaction, load_in_memory, store_rows
from tests.databases import Database

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Record(ViewRecordBase):
    __abstract__ = True


class Thing(Record):
    """Has a column of every kind."""

    __tablename__ = "things"

    id: Mapped[str] = mapped_column(primary_key=True)
    spot: Mapped[int | None] = mapped_column(unique=True, default=None)
    name: Mapped[str | None] = mapped_column(default=None)
    amount: Mapped[Decimal | None] = mapped_column(default=None)
    moment: Mapped[datetime | None] = mapped_column(default=None)
    colour: Mapped[Colour | None] = mapped_column(default=None)
    tags: Mapped[Any] = mapped_column(JSON(), nullable=True, default=None)
    data: Mapped[Any] = mapped_column(JSON().with_variant(JSONB(), "postgresql"), nullable=True, default=None)
    words: Mapped[Any] = mapped_column(ARRAY(Text()).with_variant(JSON(), "sqlite"), nullable=True, default=None)
    seen: Mapped[int] = mapped_column(insert_default=7, init=False)
    changed: Mapped[str | None] = mapped_column(default=None, onupdate="again")
    kind: Mapped[str] = mapped_column(server_default="made by the database", init=False)
    updated_at: Mapped[datetime | None] = mapped_column(default=None)
    sequence_number: Mapped[int | None] = mapped_column(default=None)


class Note(Record):
    """Its key is made by the database."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    aggregate_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(default="")


class Part(Record):
    """Has a key of two columns."""

    __tablename__ = "parts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(default=None)


class Happened(Event):
    pass


class Free(Projector, manages_tables=(Thing, Note, Part)):
    """Does what a test says."""


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application with the tables."""
    app = Sequent(database.url, projectors=[Free], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


IDS = st.sampled_from(["a", "B", "c", "Ä"])
UUIDS = st.sampled_from([UUID(int=1), UUID(int=2)])
TEXTS = st.sampled_from([None, "", "x", "\\N", "tab\tand\nline", "née \\ 'q' \"d\"", "{a,b}", "漢字"])
JSONS = st.sampled_from([None, [], {}, ["x", None, 1.5], {"a": [1, {"b": "\\n\t"}], "c": None}, "text", 0, False])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "spot": st.sampled_from([None, 1, 2]),
    "name": TEXTS,
    "amount": st.sampled_from([None, Decimal("0.10"), Decimal("-12345678901234567890.5"), Decimal(3)]),
    "moment": st.sampled_from([None, MOMENT, MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))]),
    "colour": st.sampled_from([None, *Colour]),
    "tags": JSONS,
    "data": JSONS,
    "words": st.sampled_from([None, [], ["a", "b,c", '"', "\\", "NULL", ""], ["ä", None]]),
    "seen": st.integers(0, 3),
    "changed": st.sampled_from([None, "by hand"]),
    "kind": st.sampled_from(["made by the database", "x"]),
}
CHANGES = st.fixed_dictionaries({}, optional=VALUES)
GIVEN = st.fixed_dictionaries(
    {}, optional={name: values for name, values in VALUES.items() if name not in ("seen", "kind")}
)
COMPARED = {name: VALUES[name] for name in ("spot", "name", "amount", "moment", "colour", "seen", "changed", "kind")}
SOME = {name: st.one_of(values, st.lists(values, max_size=3)) for name, values in {"id": IDS, **COMPARED}.items()}
WHERES = st.one_of(
    st.fixed_dictionaries({"id": IDS}),
    st.fixed_dictionaries({}, optional=SOME),
    st.fixed_dictionaries({"id": SOME["id"]}),
)
NOTE_WHERES = st.fixed_dictionaries({}, optional={"aggregate_id": st.one_of(UUIDS, st.lists(UUIDS)), "text": TEXTS})
PART_KEYS = st.fixed_dictionaries({"id": UUIDS, "number": st.integers(0, 1)})
PART_WHERES = st.fixed_dictionaries({}, optional={"id": UUIDS, "number": st.lists(st.integers(0, 1)), "name": TEXTS})

Step = Callable[[Free], object]
"""One operation; what it gives is compared."""


def shown(record: Any) -> object:
    """The values of a record, but for those that the database makes."""
    table = record_table(type(record))
    return {name: value for name, value in table.values(record).items() if (type(record), name) not in MADE}


MADE = {(Note, "id")}


def setting(changes: dict[str, Any]) -> Callable[[Any], None]:
    """A callback that sets attributes."""

    def change(record: Any) -> None:
        for name, value in changes.items():
            setattr(record, name, value)

    return change


def event(number: int) -> Happened:
    return Happened(UUID(int=1), number, MOMENT + timedelta(days=number))


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda id_, given: lambda p: shown(p.create_record(Thing, id=id_, **given)), IDS, GIVEN),
    st.builds(
        lambda ids, given: lambda p: p.create_records([Thing(id=id_, **given) for id_ in ids]),
        st.lists(IDS, unique=True),
        GIVEN,
    ),
    st.builds(
        lambda id_, given: lambda p: shown(p.create_or_update_record(Thing, {"id": id_}, setting(given))), IDS, CHANGES
    ),
    st.builds(lambda where, given: lambda p: p.update_all_records(Thing, where, given), WHERES, CHANGES),
    st.builds(lambda id_, new: lambda p: p.update_all_records(Thing, {"id": id_}, {"id": new}), IDS, IDS),
    st.builds(
        lambda where, given, n: lambda p: shown(p.update_record(Thing, event(n), setting(given), where=where)),
        st.fixed_dictionaries({"id": IDS}),
        CHANGES,
        st.integers(1, 9),
    ),
    st.builds(lambda where, given: lambda p: shown(p.do_with_record(Thing, where, setting(given))), WHERES, CHANGES),
    st.builds(lambda where, given: lambda p: p.do_with_records(Thing, where, setting(given)), WHERES, CHANGES),
    st.builds(lambda where: lambda p: p.delete_all_records(Thing, where), WHERES),
    st.builds(lambda id_: lambda p: p.delete_record(Thing(id=id_)), IDS),
    st.builds(lambda where: lambda p: [shown(each) for each in p.find_records(Thing, where)], WHERES),
    st.builds(lambda where: lambda p: shown(p.get_record_or_raise(Thing, where)), WHERES),
    st.builds(lambda where: lambda p: (last := p.last_record(Thing, where)) and shown(last), WHERES),
    st.builds(lambda of, what: lambda p: shown(p.create_record(Note, aggregate_id=of, text=what)), UUIDS, st.just("n")),
    st.builds(lambda where: lambda p: p.update_all_records(Note, where, {"text": "changed"}), NOTE_WHERES),
    st.builds(lambda where: lambda p: shown(p.do_with_record(Note, where, setting({"text": "first"}))), NOTE_WHERES),
    st.builds(lambda where: lambda p: [p.delete_record(each) for each in p.find_records(Note, where)[:1]], NOTE_WHERES),
    st.builds(lambda where: lambda p: [shown(each) for each in p.find_records(Note, where)], NOTE_WHERES),
    st.builds(lambda key, name: lambda p: shown(p.create_record(Part, **key, name=name)), PART_KEYS, TEXTS),
    st.builds(lambda where, name: lambda p: p.update_all_records(Part, where, {"name": name}), PART_WHERES, TEXTS),
    st.builds(lambda key: lambda p: p.update_all_records(Part, key, {"number": 2}), PART_KEYS),
    st.builds(lambda where: lambda p: [shown(each) for each in p.find_records(Part, where)], PART_WHERES),
    st.builds(lambda where: lambda p: p.delete_all_records(Part, where), PART_WHERES),
)


def carry_out(projector: Free, step: Step) -> object:
    """What a step gives, or that there is no record."""
    try:
        return step(projector)
    except RecordNotFound:
        return RecordNotFound


def live_results(connection: Connection, steps: Sequence[Step]) -> list[tuple[Step, object]]:
    """The steps that the database takes, with what they give."""
    taken: list[tuple[Step, object]] = []
    transaction = LoadingTransaction(connection)
    projector = Free(LivePersistor(lambda: transaction, lambda: None))
    for step in steps:
        savepoint = connection.begin_nested()
        try:
            result = carry_out(projector, step)
            transaction.flush()
        except (ReplayError, DBAPIError):
            savepoint.rollback()
            transaction = LoadingTransaction(connection)
        else:
            savepoint.commit()
            taken.append((step, result))
    return taken


def rows(connection: Connection) -> dict[str, list[str]]:
    """Everything that is stored, but for what the database makes."""
    found: dict[str, list[str]] = {}
    for record in (Thing, Note, Part):
        table = record_table(record)
        columns = [column for name, column in table.columns.items() if (record, name) != (Note, "id")]
        found[table.table.name] = sorted(map(repr, connection.execute(select(*columns))))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=12))
def test_any_operations_give_the_same_rows_live_and_replayed(app: Sequent, steps: list[Step]) -> None:
    """Whatever a projector does: it is told the same, and the same is stored."""
    with app.dialect.writing(app.engine) as connection, connection.begin() as transaction:
        taken = live_results(connection, steps)
        expected = rows(connection)
        for record in (Thing, Note, Part):
            connection.execute(delete(record))
        persistor = InMemoryPersistor()
        projector = Free(persistor)
        for step, result in taken:
            assert result == carry_out(projector, step)
        persistor.load(connection)
        assert expected == rows(connection)
        transaction.rollback()


def in_memory() -> tuple[InMemoryPersistor, Free]:
    """A persistor, and a projector on it."""
    persistor = InMemoryPersistor()
    return persistor, Free(persistor)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (lambda p: p.find_records(Thing, {"nmae": "x"}), "Thing has no column 'nmae'"),
        (lambda p: p.update_all_records(Thing, {"id": "a"}, {"nmae": "x"}), "Thing has no column 'nmae'"),
        (lambda p: p.delete_all_records(Thing, {"nmae": "x"}), "Thing has no column 'nmae'"),
        (lambda p: p.create_record(Thing, id="a"), "things has a row with the key {'id': 'a'} already"),
        (lambda p: p.update_all_records(Thing, {"id": "a"}, {"spot": Thing.spot + 1}), "for the database to work out"),
        (lambda p: p.get_record(Note, {}).id, "Note.id is made by the database"),
        (lambda p: p.create_record(Note, aggregate_id=UUID(int=1)).id, "Note.id is made by the database"),
        (lambda p: p.find_records(Note, {"id": 1}), "Note.id is made by the database"),
        (lambda p: p.execute_sql("SELECT 1"), "execute_sql needs the tables"),
    ],
)
def test_what_memory_cannot_do_is_refused(step: Step, complaint: str) -> None:
    """With an error that says what to do instead; nothing is found or stored that a live projector would not see."""
    _, projector = in_memory()
    projector.create_record(Thing, id="a")
    projector.create_record(Note, aggregate_id=UUID(int=1))
    with pytest.raises(ProjectorError) as caught:
        step(projector)
    assert complaint in str(caught.value)


def test_nothing_happens_to_what_is_not_there() -> None:
    """Missing records are None, an error, or no records, by operation; deleting and updating them does nothing."""
    _, projector = in_memory()
    projector.create_record(Thing, id="a", name="x")
    assert projector.get_record(Thing, {"id": "b"}) is None
    assert projector.last_record(Thing, {"id": "b"}) is None
    assert [] == projector.find_records(Thing, {"id": ["b", "c"]})
    projector.delete_record(Thing(id="b"))
    projector.delete_all_records(Thing, {"id": "b"})
    projector.update_all_records(Thing, {"id": "b"}, {"name": "y"})
    for failing in (
        partial(projector.get_record_or_raise, Thing, {"id": "b"}),
        partial(projector.do_with_record, Thing, {"id": "b"}, lambda record: None),
        partial(projector.update_record, Thing, event(1), where={"id": "b"}),
    ):
        with pytest.raises(RecordNotFound, match=r"no Thing matches \{'id': 'b'\}"):
            failing()
    assert ["x"] == [record.name for record in projector.find_records(Thing, {})]


def test_a_row_is_found_by_what_it_holds_now() -> None:
    """Also after an indexed column has changed, by any operation, and whatever the order of the conditions."""
    _, projector = in_memory()
    for number, id_ in enumerate("abc"):
        projector.create_record(Thing, id=id_, name="old", spot=number)
    assert 3 == len(projector.find_records(Thing, {"name": "old"}))
    projector.update_all_records(Thing, {"id": "a"}, {"name": "new"})
    projector.update_record(Thing, event(5), setting({"name": "newer"}), where={"id": "b"})
    for where in ({"name": "old", "spot": 2}, {"spot": 2, "name": "old"}, {"name": ["old"]}, {"name": ["old", None]}):
        assert ["c"] == [record.id for record in projector.find_records(Thing, where)]
    assert ["a", "b"] == [record.id for record in projector.find_records(Thing, {"name": ["newer", "new"]})]
    assert [] == projector.find_records(Thing, {"sequence_number": 4})
    projector.update_record(Thing, event(6), where={"id": "b"})
    assert ["b"] == [record.id for record in projector.find_records(Thing, {"sequence_number": 6})]
    assert [] == projector.find_records(Thing, {"sequence_number": 5})


def test_values_with_one_hash_are_not_mixed_up() -> None:
    """-1 and -2 have the same hash in CPython."""
    _, projector = in_memory()
    projector.create_records([Thing(id="a", spot=-1), Thing(id="b", spot=-2)])
    assert hash(-1) == hash(-2)
    assert [["a"], ["b"]] == [[r.id for r in projector.find_records(Thing, {"spot": spot})] for spot in (-1, -2)]


def test_records_with_the_same_values_are_both_kept(app: Sequent) -> None:
    """When the database makes their keys; each can be removed by itself."""
    persistor, projector = in_memory()
    first, second, third = (projector.create_record(Note, aggregate_id=UUID(int=1), text="same") for _ in range(3))
    projector.delete_record(second)
    third.text = "seen by nobody"
    with app.dialect.writing(app.engine) as connection, connection.begin():
        assert 2 == persistor.load(connection)
        found = connection.execute(select(Note.id, Note.text).order_by(Note.id)).all()
    assert ["same", "same"] == [row.text for row in found]
    assert all(isinstance(row.id, int) for row in found)
    assert "same" == first.text


def test_many_rows_are_loaded_at_once(app: Sequent) -> None:
    """Nothing is there before, everything afterwards, and what a second load finds in memory is nothing."""
    persistor, projector = in_memory()
    projector.create_records([Part(id=UUID(int=i), number=i, name=f"née {i}\t\\\n") for i in range(10_000)])
    with app.dialect.writing(app.engine) as connection, connection.begin():
        assert 0 == connection.scalar(select(func.count()).select_from(Part))
        assert 10_000 == persistor.load(connection)
        assert 10_000 == connection.scalar(select(func.count()).select_from(Part))
        assert "née 7\t\\\n" == connection.scalar(select(Part.name).where(Part.number == 7))
        assert 0 == persistor.load(connection)


def test_a_key_that_two_groups_write_is_named(app: Sequent) -> None:
    """With its table, and what to do; after the failure nothing is left in memory."""
    groups = []
    for _ in range(2):
        persistor, projector = in_memory()
        projector.create_records([Part(id=UUID(int=7), number=number) for number in (1, 2)])
        groups.append(persistor)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        store_rows(groups[0], connection)
        savepoint = connection.begin_nested()
        with pytest.raises(ReplayError) as caught:
            store_rows(groups[1], connection)
        savepoint.rollback()
        assert 0 == groups[1].load(connection)
    for word in ("parts", "00000000", "7", 'replay_by="store"'):
        assert word in str(caught.value)


def test_a_default_of_the_database_is_known_where_it_is_constant(app: Sequent) -> None:
    """The projector may count on from it, in a replay as it does live."""
    persistor, projector = in_memory()
    assert "made by the database" == projector.create_record(Thing, id="a").kind
    projector.update_record(
        Thing,
        event(1),
        lambda record: setattr(record, "kind", record.kind + "!"),
        where={"kind": ["made by the database"]},
    )
    with app.dialect.writing(app.engine) as connection, connection.begin():
        persistor.load(connection)
        assert "made by the database!" == connection.scalar(select(Thing.kind))
        assert "a" == connection.scalar(select(Thing.id).where(Thing.data.is_(None), Thing.tags.is_(None)))


class Failing(Projector, manages_tables=(Note,)):
    """Fails."""

    @on(Happened)
    def happened(self) -> None:
        raise RuntimeError("no way")


def test_a_projector_that_fails_is_named_with_its_event() -> None:
    """In memory as it is live."""
    with pytest.raises(
        PublishEventError, match=r"Failing failed on Happened \(event 3 of aggregate .*RuntimeError: no"
    ):
        load_in_memory([Failing], [[event(3)]], InMemoryPersistor())
