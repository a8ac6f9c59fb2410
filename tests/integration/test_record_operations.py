"""What each operation of a projector does, live on the unit of work and in the memory of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import JSON, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from sequent_sa import Event, Projector, Sequent, ViewRecordBase, on
from sequent_sa.exceptions import ProjectorError, RecordNotFound
from sequent_sa.projections.persistors.in_memory import InMemoryPersistor
from sequent_sa.projections.persistors.live import LivePersistor
from sequent_sa.projections.persistors.persistor import Persistor
from sequent_sa.projections.persistors.recording import RecordingPersistor
from sequent_sa.replay.loading import store_rows
from tests.databases import Database

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Happened(Event):
    pass


class Record(ViewRecordBase):
    __abstract__ = True


class Thing(Record):
    __tablename__ = "operated_things"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str | None] = mapped_column(default=None)
    tags: Mapped[list[str]] = mapped_column(JSON(), default_factory=list)
    sequence_number: Mapped[int | None] = mapped_column(default=None)
    created_at: Mapped[datetime | None] = mapped_column(default=None)
    updated_at: Mapped[datetime | None] = mapped_column(default=None)


class Plain(Record):
    __tablename__ = "operated_plain_things"

    aggregate_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(default=None)


class Note(Record):
    """Its key is made by the database."""

    __tablename__ = "operated_notes"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    text: Mapped[str]


class Things(Projector, manages_tables=(Thing, Plain, Note)):
    @on(Happened)
    def happened(self, event: Happened) -> None: ...


@pytest.fixture
def app(database: Database) -> Iterator[Sequent]:
    """An application with two tables."""
    app = Sequent(database.url, projectors=[Things], environment="test")
    app.create_all()
    yield app
    app.engine.dispose()


@pytest.fixture(params=["live", "replay"])
def things(request: pytest.FixtureRequest, app: Sequent) -> Iterator[Things]:
    """The projector; what it wrote must be storable at the end, and be what it saw."""
    if request.param == "replay":
        replay = InMemoryPersistor()
        projector = Things(replay)
        yield projector
        seen = everything(projector)
        with app.dialect.writing(app.engine) as connection, connection.begin():
            store_rows(replay, connection)
    else:
        with app.unit_of_work() as unit:
            live: Persistor = LivePersistor(lambda: unit.transaction, lambda: None)
            projector = Things(live)
            yield projector
            seen = everything(projector)
    with app.session() as session:
        stored = [
            _values(record) for record in session.scalars(select(Thing).order_by(Thing.aggregate_id, Thing.number))
        ]
    assert seen == stored


def _values(record: Thing) -> dict[str, Any]:
    return {column.key: getattr(record, column.key) for column in Thing.__table__.columns}


def everything(things: Things) -> list[dict[str, Any]]:
    """All that the projector finds."""
    return [_values(record) for record in things.find_records(Thing, {})]


def event(id_: UUID, number: int = 7) -> Happened:
    """Something that happened."""
    return Happened(id_, number, created_at=THEN)


def test_a_record_is_created_and_returned(things: Things) -> None:
    """With the defaults of its columns, as one and as many."""
    id_ = uuid4()
    created = things.create_record(Thing, aggregate_id=id_, name="a")
    assert (id_, 1, "a", []) == (created.aggregate_id, created.number, created.name, created.tags)
    things.create_records([Thing(aggregate_id=id_, number=number, tags=["x", "ü"]) for number in (2, 3)])
    things.create_records([])
    assert [(1, []), (2, ["x", "ü"]), (3, ["x", "ü"])] == [
        (each.number, each.tags) for each in things.find_records(Thing, {"aggregate_id": id_})
    ]
    with pytest.raises(TypeError):
        things.create_record(Thing, aggregate_id=id_, nmae="a")  # type: ignore[call-arg]  # on purpose


def test_a_new_record_was_updated_when_it_was_created(things: Things) -> None:
    """Unless it says something else, or does not say when it was created."""
    later = THEN + timedelta(days=1)
    one = things.create_record(Thing, aggregate_id=uuid4(), created_at=THEN)
    other = things.create_record(Thing, aggregate_id=uuid4(), created_at=THEN, updated_at=later)
    neither = things.create_record(Thing, aggregate_id=uuid4())
    made = things.create_or_update_record(Thing, {"aggregate_id": uuid4()}, created_at=THEN)
    assert [THEN, later, None, THEN] == [each.updated_at for each in (one, other, neither, made)]


def test_a_record_is_created_or_changed(things: Things) -> None:
    """The change is made in both cases; the moment of creation stays."""
    id_ = uuid4()
    moment = THEN - timedelta(days=1)

    def rename(name: str) -> Any:
        return lambda record: setattr(record, "name", name)

    where = {"aggregate_id": id_, "number": 1}
    new = things.create_or_update_record(Thing, where, rename("a"), created_at=moment)
    assert ("a", moment) == (new.name, new.created_at)
    same = things.create_or_update_record(Thing, where, rename("b"), created_at=THEN)
    assert ("b", moment) == (same.name, same.created_at)
    now = things.create_or_update_record(Thing, {"aggregate_id": id_, "number": 2})
    assert now.created_at is not None
    assert now.created_at > THEN
    assert "x" == things.create_or_update_record(Plain, {"aggregate_id": id_}, rename("x")).name
    assert ["b", None] == [each.name for each in things.find_records(Thing, {})]


def test_the_record_of_an_event_is_updated(things: Things) -> None:
    """Its moment and number are written where there are columns for them, the number last."""
    one, other = uuid4(), uuid4()
    things.create_record(Thing, aggregate_id=one)
    things.create_record(Thing, aggregate_id=other, name="other")
    things.create_record(Plain, aggregate_id=one)

    def change(record: Thing) -> None:
        assert THEN == record.updated_at
        record.name, record.sequence_number = "new", 99

    assert 7 == things.update_record(Thing, event(one), change).sequence_number
    assert 99 == things.update_record(Thing, event(one), change, update_sequence_number=False).sequence_number
    assert 8 == things.update_record(Thing, event(one, 8), where={"name": "other"}).sequence_number
    assert "p" == things.update_record(Plain, event(one), lambda record: setattr(record, "name", "p")).name
    assert [("new", 99), ("other", 8)] == sorted(
        (each.name or "", each.sequence_number or 0) for each in things.find_records(Thing, {})
    )
    assert [99] == [each.sequence_number for each in things.find_records(Thing, {"sequence_number": [99, 7]})]
    with pytest.raises(RecordNotFound, match="no Thing matches"):
        things.update_record(Thing, event(uuid4()))


def test_records_are_found(things: Things) -> None:
    """By any columns, by any of several values, by nothing; in the order of the primary key."""
    id_ = uuid4()
    for number, name in ((3, "c"), (1, "a"), (2, None)):
        things.create_record(Thing, aggregate_id=id_, number=number, name=name)
    assert [1, 2, 3] == [each.number for each in things.find_records(Thing, {"aggregate_id": id_})]
    assert [1, 2] == [each.number for each in things.find_records(Thing, {"name": ["a", None]})]
    assert [2] == [each.number for each in things.find_records(Thing, {"name": None, "aggregate_id": [id_, uuid4()]})]
    assert [] == things.find_records(Thing, {"name": []})
    first, last = things.get_record(Thing, {"aggregate_id": id_}), things.last_record(Thing, {"aggregate_id": id_})
    assert first is not None
    assert last is not None
    assert (1, 3) == (first.number, last.number)
    assert things.get_record(Thing, {"name": "z"}) is None
    assert things.last_record(Thing, {"name": "z"}) is None
    assert 3 == things.get_record_or_raise(Thing, {"name": "c"}).number
    with pytest.raises(RecordNotFound, match=r"no Thing matches \{'name': 'z'\}"):
        things.get_record_or_raise(Thing, {"name": "z"})


def test_records_are_changed_one_by_one(things: Things) -> None:
    """Each that matches, or the first; what has moved in an index is found at its new place only."""
    id_ = uuid4()
    for number in (1, 2, 3):
        things.create_record(Thing, aggregate_id=id_, number=number, name="old")
    things.do_with_record(Thing, {"name": "old"}, lambda record: setattr(record, "name", "first"))
    things.do_with_records(Thing, {"name": "old"}, lambda record: record.tags.append("x"))
    things.do_with_records(Thing, {"name": "z"}, lambda record: setattr(record, "name", "never"))
    assert [2, 3] == [each.number for each in things.find_records(Thing, {"name": "old"})]
    assert [[], ["x"], ["x"]] == [each.tags for each in things.find_records(Thing, {})]
    assert [1] == [each.number for each in things.find_records(Thing, {"name": "first", "aggregate_id": id_})]
    with pytest.raises(RecordNotFound):
        things.do_with_record(Thing, {"name": "z"}, lambda record: None)

    def tag(record: Thing) -> None:
        things.update_all_records(Thing, {"number": 1}, {"name": "meanwhile"})
        record.tags = ["y"]

    things.do_with_record(Thing, {"name": "first"}, tag)
    assert [("meanwhile", ["y"])] == [(each.name, each.tags) for each in things.find_records(Thing, {"number": 1})]


def test_what_becomes_of_a_list_later_is_not_stored(things: Things) -> None:
    """Neither of one that a record was created with, nor of one that was set."""
    tags = ["a"]
    things.create_record(Thing, aggregate_id=uuid4(), tags=tags)
    things.create_record(Thing, aggregate_id=uuid4(), name="set")
    things.update_all_records(Thing, {"name": "set"}, {"tags": tags})
    tags.append("later")
    assert [["a"], ["a"]] == [each.tags for each in things.find_records(Thing, {})]


def test_records_are_changed_and_removed_together(things: Things) -> None:
    """By a condition, without loading them; what does not match, or is gone, is no error."""
    id_ = uuid4()
    for number in (1, 2, 3, 4):
        things.create_record(Thing, aggregate_id=id_, number=number)
    things.update_all_records(Thing, {"number": [1, 2]}, {"name": "low"})
    things.update_all_records(Thing, {"number": 99}, {"name": "never"})
    things.update_all_records(Thing, {"number": 1}, {})
    things.delete_all_records(Thing, {"name": "low", "number": 2})
    things.delete_all_records(Thing, {"number": 99})
    gone = things.get_record_or_raise(Thing, {"number": 3})
    things.delete_record(gone)
    things.delete_record(gone)
    things.delete_record(Thing(aggregate_id=uuid4(), number=5))
    assert [(1, "low"), (4, None)] == [(each.number, each.name) for each in things.find_records(Thing, {})]


def test_a_column_that_does_not_exist_is_a_clear_error(things: Things) -> None:
    """In a condition, and among what is to be changed."""
    for attempt in (
        lambda: things.find_records(Thing, {"nmae": 1}),
        lambda: things.update_all_records(Thing, {}, {"nmae": 1}),
        lambda: things.update_all_records(Thing, {"nmae": 1}, {"name": "x"}),
        lambda: things.delete_all_records(Thing, {"nmae": 1}),
    ):
        with pytest.raises(ProjectorError, match="Thing has no column 'nmae'; it has aggregate_id, number"):
            attempt()


def test_sql_sees_what_is_pending(app: Sequent) -> None:
    """Live; a replay by aggregate has no tables to run it on, and says what to do."""
    id_ = uuid4()
    schema = "view_schema." if app.dialect.name == "postgresql" else ""
    with app.unit_of_work() as unit:
        things = Things(LivePersistor(lambda: unit.transaction, lambda: None))
        things.create_record(Plain, aggregate_id=id_, name="a")
        changed = things.execute_sql(
            f"UPDATE {schema}operated_plain_things SET name = :new WHERE name = :old", new="b", old="a"
        )
        assert 1 == changed.rowcount
        assert "b" == things.get_record_or_raise(Plain, {"aggregate_id": id_}).name
    with pytest.raises(ProjectorError, match='replay_by="store"'):
        Things(InMemoryPersistor()).execute_sql("SELECT 1")


def test_statements_of_sqlalchemy_are_run(app: Sequent) -> None:
    """About a record class, with values in them or as parameters; a deep dry run can show them too."""
    one, two = uuid4(), uuid4()
    told: list[Mapping[str, object]] = []
    with app.unit_of_work() as unit:
        live = LivePersistor(lambda: unit.transaction, lambda: None)
        things = Things(RecordingPersistor(live, lambda _table, _operation, _where, values: told.append(values)))
        things.create_record(Plain, aggregate_id=one, name="a")
        things.execute_sql(insert(Plain), aggregate_id=two, name="b")
        things.execute_sql(update(Plain).where(Plain.name == bindparam("old")).values(name="c"), old="a")
        assert ["b", "c"] == things.execute_sql(select(Plain.name).order_by(Plain.name)).scalars().all()
        assert 1 == things.execute_sql(delete(Plain).where(Plain.name == "b")).rowcount
        assert [one] == [each.aggregate_id for each in things.find_records(Plain, {})]
    assert ["INSERT", "UPDATE", "SELECT", "DELETE"] == [str(each["statement"]).split()[0] for each in told[1:]]
    with pytest.raises(ProjectorError, match='replay_by="store"'):
        Things(InMemoryPersistor()).execute_sql(select(Plain))


def test_records_with_equal_values_are_two(app: Sequent) -> None:
    """When the database makes their keys: they are told apart by which they are."""
    replay = InMemoryPersistor()
    things = Things(replay)
    one, two, three = (things.create_record(Note, text="a") for _ in range(3))
    things.delete_record(two)
    things.delete_record(two)
    kept, *_ = things.find_records(Note, {"text": "a"})
    things.do_with_record(Note, {"text": "a"}, lambda record: setattr(record, "text", "changed"))
    assert ("a", "a", "a", "a") == (one.text, two.text, three.text, kept.text)
    with app.dialect.writing(app.engine) as connection, connection.begin():
        assert 2 == replay.load(connection)
        found = connection.execute(select(Note.id, Note.text).order_by(Note.text)).all()
    assert ["a", "changed"] == [row.text for row in found]
    assert 2 == len({row.id for row in found})


def test_a_key_that_is_taken_is_named_at_once() -> None:
    """In the memory of a replay, with the row and what to do; live the database says so when the row is sent."""
    things = Things(InMemoryPersistor())
    things.create_record(Plain, aggregate_id=UUID(int=1))
    with pytest.raises(ProjectorError, match=r"operated_plain_things has a row with the key .*: find it first"):
        things.create_record(Plain, aggregate_id=UUID(int=1))
