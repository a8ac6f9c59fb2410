"""What an aggregate does by itself: events in order, state by handlers only, and what it says about itself."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from sequent_sa import AggregateError, AggregateRoot, Event, EventNotSerializable, on
from sequent_sa.aggregates.event_stream import EventStream

ID = uuid4()


class Named(Event):
    name: str


class Aged(Event):
    age: int | None = None


class Noted(Event):
    """Nobody handles it."""


class Rated(Event):
    """Says what the aggregate does not keep."""

    stars: int | None = None
    by: str = "somebody"


class Refused(Event):
    pass


class Person(AggregateRoot):
    name: str | None = None
    age: int | None = None
    names: list[str] = []  # noqa: RUF012 - the framework copies it
    partition: str = ""

    @on(Named)
    def _named(self, event: Named) -> None:
        self.name = event.name
        self.names.append(event.name)

    @on(Aged)
    def _aged(self, event: Aged) -> None:
        self.age = event.age

    @on(Refused)
    def _refuse(self, _: Refused) -> None:
        raise RuntimeError("this cannot be")

    def events_partition_key(self) -> str:
        return self.partition


def test_a_new_aggregate_is_empty() -> None:
    """It has its id and no events; what has no time yet says so."""
    person = Person(ID)
    assert (ID, 0, ()) == (person.aggregate_id, person.version, person.uncommitted_events)
    with pytest.raises(AggregateError, match="no event was applied yet"):
        _ = person.created_at
    not_an_id: Any = str(ID)
    with pytest.raises(TypeError, match="needs a UUID"):
        Person(not_an_id)


def test_applied_events_are_numbered_handled_and_kept() -> None:
    """From 1 on without holes, with the aggregate's id; one that nobody handles is kept as well."""
    person = Person(ID)
    person.apply(Named, name="Kim")
    person.apply(Noted)
    person.apply(Named, name="Ben")
    assert [(ID, 1), (ID, 2), (ID, 3)] == [(e.aggregate_id, e.sequence_number) for e in person.uncommitted_events]
    assert (3, "Ben", ["Kim", "Ben"]) == (person.version, person.name, person.names)
    assert person.uncommitted_events[0].created_at == person.created_at
    assert [] == Person(ID).names


def test_an_event_that_fails_leaves_nothing() -> None:
    """Neither what its handler raises, nor attributes that are wrong, leave an event or use up a number."""
    person = Person(ID)
    with pytest.raises(RuntimeError, match="this cannot be"):
        person.apply(Refused)
    apply: Any = person.apply
    with pytest.raises(TypeError, match="nickname"):
        apply(Named, name="Kim", nickname="K")
    with pytest.raises(TypeError, match="name"):
        apply(Named)
    with pytest.raises(EventNotSerializable):
        apply(Named, name=object())
    assert (0, ()) == (person.version, person.uncommitted_events)


def test_the_header_of_an_event_is_the_aggregates() -> None:
    """Whoever gives an id and a number does not decide about them."""
    apply: Any = Person(ID).apply
    person = apply.__self__
    apply(Named, name="Kim", aggregate_id=uuid4(), sequence_number=9)
    (event,) = person.uncommitted_events
    assert (ID, 1) == (event.aggregate_id, event.sequence_number)


def test_events_are_applied_if_something_changes() -> None:
    """Compared with the state of the same name, None where there is none; one without attributes always is."""
    person = Person(ID)
    person.apply_if_changed(Named, name="Kim")
    person.apply_if_changed(Named, name="Kim")
    person.apply_if_changed(Aged, age=None)
    person.apply_if_changed(Aged, age=9)
    person.apply_if_changed(Aged)
    person.apply_if_changed(Noted)
    person.apply_if_changed(Noted)
    person.apply_if_changed(Rated, stars=None)
    person.apply_if_changed(Rated, stars=5)
    applied = [type(event).__name__ for event in person.uncommitted_events]
    assert ["Named", "Aged", "Aged", "Noted", "Noted", "Rated"] == applied
    assert person.age is None


def test_history_makes_the_same_aggregate() -> None:
    """Without calling the constructor, without new events, and going on after the last number."""
    person = Person(ID)
    person.apply(Named, name="Kim")
    person.apply(Aged, age=9)
    history = [applied.event for applied in person.take_uncommitted_events()]
    assert ((), 2) == (person.uncommitted_events, person.version)

    loaded = Person.load_from_history(EventStream("Person", ID), history)
    assert (ID, "Kim", 9, 2, ()) == (
        loaded.aggregate_id,
        loaded.name,
        loaded.age,
        loaded.version,
        loaded.uncommitted_events,
    )
    assert history[0].created_at == loaded.created_at
    loaded.apply(Noted)
    assert 3 == loaded.uncommitted_events[0].sequence_number
    with pytest.raises(AggregateError, match="it has no events"):
        Person.load_from_history(EventStream("Person", ID), [])


def test_a_stream_describes_the_aggregate() -> None:
    """Its type, id, partition key, version, and no snapshots for a class without them; the text has class and id."""
    person = Person(ID)
    person.apply(Named, name="Kim")
    person.partition = "Y26"
    stream = person.event_stream()
    assert ("Person", ID, "Y26", 1) == (
        stream.aggregate_type,
        stream.aggregate_id,
        stream.events_partition_key,
        stream.sequence_number,
    )
    assert (None, None, None) == (stream.snapshot_version, stream.snapshot_outdated_at, stream.unique_keys)
    assert f"<Person {ID} version=1>" == repr(person)
