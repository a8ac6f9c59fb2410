"""State that events set by themselves: `autoset` and `autoset_ignore` behind an aggregate's bases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NewType
from uuid import UUID, uuid4

import pytest
from marshmallow import fields, validate

from sequent_sa import (
    AggregateError,
    AggregateRoot,
    Command,
    ConfigurationError,
    Event,
    ValueObject,
    attr,
    on,
)
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.matchers import has_attrs, is_a

ID = uuid4()
Years = NewType("Years", int)


class Address(ValueObject):
    city: str


class NameSet(Event):
    first_name: Annotated[str, validate.Length(min=1)]
    last_name: str | None = None


class AgeSet(Event):
    age: int
    reason: str = ""


class StatusSet(Event):
    status: str


class StatusImported(StatusSet):
    source: str


class Moved(Event):
    addresses: list[Address]
    notes: dict[str, list[str]]
    extra: list[int] = attr(field=fields.List(fields.Integer()))


class Person(AggregateRoot, autoset=(NameSet, AgeSet), autoset_ignore=("reason",)):
    first_name: str = ""
    last_name: str | None = None
    age: int | None = None
    full_name: str = ""
    reason: str = "untouched"

    @on(NameSet)
    def _named(self) -> None:
        self.full_name = f"{self.first_name} {self.last_name}"


def test_attributes_of_events_become_state() -> None:
    """Each event overwrites, one that is left out with its default, and handlers of the class find what was set."""
    person = Person(ID)
    person.apply(NameSet, first_name="Kim", last_name="Bos")
    assert ("Kim", "Bos", "Kim Bos", None) == (person.first_name, person.last_name, person.full_name, person.age)
    person.apply(NameSet, first_name="Ben")
    person.apply(AgeSet, age=7, reason="birthday")
    assert ("Ben", None, "Ben None", 7) == (person.first_name, person.last_name, person.full_name, person.age)
    assert (ID, 3, "untouched") == (person.aggregate_id, person.version, person.reason)


def test_history_sets_the_same_state() -> None:
    """An aggregate that was loaded has what the events say, whether or not its constructor ran."""
    person = Person(ID)
    person.apply(NameSet, first_name="Kim", last_name="Bos")
    person.apply(AgeSet, age=7)
    loaded = Person.load_from_history(EventStream("Person", ID), person.uncommitted_events)
    assert ("Kim", "Bos", "Kim Bos", 7) == (loaded.first_name, loaded.last_name, loaded.full_name, loaded.age)


def test_a_matcher_sets_what_the_actual_event_has() -> None:
    """Its class decides which attributes there are, not the class that the matcher names."""

    class Subject(AggregateRoot, autoset=(is_a(StatusSet),)):
        status: str = "new"
        source: str = ""

    subject = Subject(ID)
    subject.apply(StatusSet, status="open")
    assert ("open", "") == (subject.status, subject.source)
    subject.apply(StatusImported, status="closed", source="file")
    assert ("closed", "file") == (subject.status, subject.source)


def test_a_matcher_of_values_sets_from_those_only() -> None:
    """What the matcher does not let through sets nothing, whatever handlers there are besides."""
    heard: list[str] = []

    class Subject(AggregateRoot, autoset=(has_attrs(StatusSet, status="open"),)):
        status: str = "new"

        @on(StatusSet)
        def _set(self, event: StatusSet) -> None:
            heard.append(event.status)

    subject = Subject(ID)
    subject.apply(StatusSet, status="closed")
    subject.apply(StatusSet, status="open")
    assert (["closed", "open"], "open") == (heard, subject.status)


def test_state_is_no_part_of_the_event() -> None:
    """A list that the aggregate changes later is its own, at any depth: projectors get the event as it was."""

    class Owner(AggregateRoot, autoset=(Moved,)):
        addresses: list[Address] = []  # noqa: RUF012 - the framework copies it
        notes: dict[str, list[str]] = {}  # noqa: RUF012 - the framework copies it
        extra: list[int] = []  # noqa: RUF012 - the framework copies it

    owner = Owner(ID)
    owner.apply(Moved, addresses=[Address(city="Delft")], notes={"a": ["b"]}, extra=[1])
    owner.addresses.append(Address(city="Gouda"))
    owner.notes["a"].append("c")
    owner.extra.append(2)
    (event,) = owner.uncommitted_events
    assert event == Moved(ID, 1, addresses=[Address(city="Delft")], notes={"a": ["b"]}, extra=[1])


def test_subclasses_add_events_and_replace_what_is_ignored() -> None:
    """Both are inherited; the base stays as it is."""

    class Employee(Person, autoset=(StatusSet,)):
        status: str = "new"

    class Strict(Employee, autoset_ignore=("last_name", "age")):
        pass

    employee, strict = Employee(ID), Strict(ID)
    for each in (employee, strict):
        each.apply(NameSet, first_name="Kim", last_name="Bos")
        each.apply(AgeSet, age=7, reason="birthday")
        each.apply(StatusSet, status="hired")
    found = [(each.first_name, each.last_name, each.age, each.status, each.reason) for each in (employee, strict)]
    assert [("Kim", "Bos", 7, "hired", "untouched"), ("Kim", None, None, "hired", "birthday")] == found
    assert (NameSet, AgeSet) == Person.handled_types()


def test_two_bases_bring_their_events_together() -> None:
    """A class sets state from the events of all of its bases, each once."""

    class Aged(AggregateRoot, autoset=(AgeSet,)):
        age: int = 0
        reason: str = ""

    class Rated(AggregateRoot, autoset=(StatusSet,)):
        status: str = ""

    class Both(Aged, Rated, autoset=(AgeSet,)):
        pass

    both = Both(ID)
    both.apply(AgeSet, age=3, reason="x")
    both.apply(StatusSet, status="ok")
    assert (3, "x", "ok") == (both.age, both.reason, both.status)


def test_what_is_ignored_changes_nothing() -> None:
    """`apply_if_changed` looks at state only, and takes the defaults of what is left out."""
    person = Person(ID)
    person.apply_if_changed(AgeSet, age=7, reason="birthday")
    person.apply_if_changed(AgeSet, age=7, reason="another one")
    assert 1 == person.version
    person.apply_if_changed(NameSet, first_name="Kim", last_name="Bos")
    person.apply_if_changed(NameSet, first_name="Kim", last_name="Bos")
    assert 2 == person.version
    person.apply_if_changed(NameSet, first_name="Kim")
    assert (3, None) == (person.version, person.last_name)


def test_state_must_be_there() -> None:
    """The class statement says which attribute is missing, and what may be done."""
    with pytest.raises(ConfigurationError, match=r"Nobody \(autoset\): StatusSet\.status has no state of this name: "):

        class Nobody(AggregateRoot, autoset=(StatusSet,)):
            pass

    class VersionSet(Event):
        version: int

    with pytest.raises(ConfigurationError, match=r"AggregateRoot has an attribute version; name it in autoset_ignore"):

        class Versioned(AggregateRoot, autoset=(VersionSet,)):
            pass

    class Ignorant(AggregateRoot, autoset=(VersionSet,), autoset_ignore=["version"]):
        pass

    ignorant = Ignorant(ID)
    ignorant.apply(VersionSet, version=9)
    assert 1 == ignorant.version


def test_a_matcher_finds_missing_state_when_the_event_comes() -> None:
    """Then the event is refused, and nothing has changed."""

    class Subject(AggregateRoot, autoset=(is_a(StatusSet),)):
        status: str = "new"

    subject = Subject(ID)
    with pytest.raises(ConfigurationError, match=r"StatusImported\.source has no state of this name"):
        subject.apply(StatusImported, status="closed", source="file")
    assert ("new", 0, ()) == (subject.status, subject.version, subject.uncommitted_events)


@pytest.mark.parametrize(
    ("given", "state", "holds"),
    [
        (str, str | None, True),
        (str | None, str, False),
        (int, float, True),
        (float, int, False),
        (bool, int, True),
        (int, Years, True),
        (Annotated[str, validate.Length(max=1)], str, True),
        (list[str], list[str], True),
        (list[str], list[int], False),
        (list[str], list[Any], True),
        (list[str], Sequence[str], True),
        (dict[str, int], dict[str, int | None], True),
        (dict[str, int], list[int], False),
        (datetime, str, False),
        (Address, ValueObject, True),
        (str, object, True),
        (str, Any, True),
        (str, "Undefined", True),
        (Literal["a", "b"], str, True),
        (Literal["a", "b"], int, False),
    ],
    ids=str,
)
def test_state_can_hold_what_events_bring(given: Any, state: Any, holds: bool) -> None:
    """As far as that is certain without a type checker, the class statement refuses other types."""
    namespace = {"__annotations__": {"value": given}, "__module__": __name__}
    metaclass: Any = type(Event)
    event_type = metaclass("ValueSet", (Event,), namespace)
    body = {"__annotations__": {"value": state}, "__module__": __name__}
    if holds:
        aggregate: Any = type("Holder", (AggregateRoot,), body, autoset=(event_type,))
        assert (event_type,) == aggregate.handled_types()
    else:
        with pytest.raises(ConfigurationError, match=r"ValueSet\.value is .*, and the state .*: annotate both alike"):
            type("Holder", (AggregateRoot,), body, autoset=(event_type,))


class Rename(Command):
    first_name: str


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"autoset": NameSet}, "must be a list of event classes and matchers"),
        ({"autoset": 7}, "must be a list of event classes and matchers"),
        ({"autoset": ("NameSet",)}, "give message classes, or matchers"),
        ({"autoset": (NameSet, NameSet)}, "more than once"),
        ({"autoset": (Rename,)}, "Rename is no Event"),
        ({"autoset": (Event,)}, r"write is_a\(Event\)"),
        ({"autoset_ignore": "reason"}, "must be a list of names"),
        ({"autoset_ignore": 7}, "must be a list of names"),
        ({"autosett": ()}, "did you mean autoset"),
    ],
    ids=["class", "number", "text", "twice", "command", "event", "ignore text", "ignore number", "misspelt"],
)
def test_mistakes_are_named_in_the_class_statement(keywords: dict[str, Any], text: str) -> None:
    """What is no list of events, or of names, never becomes an aggregate."""
    body = {"__annotations__": {"first_name": "str", "last_name": "str | None"}, "__module__": __name__}
    with pytest.raises(ConfigurationError, match=text):
        type("Wrong", (AggregateRoot,), body, **keywords)


def test_an_event_that_is_made_already_is_taken_as_it_is() -> None:
    """Its time included, as an import of what happened elsewhere needs."""
    moment = datetime(2001, 2, 3, tzinfo=UTC)
    person = Person(ID)
    made = NameSet(ID, 1, moment, first_name="Kim")
    person.apply(made)
    person.apply(AgeSet, age=7)
    assert made is person.uncommitted_events[0]
    assert ("Kim", 2, moment) == (person.first_name, person.version, person.created_at)


@pytest.mark.parametrize(("stream", "number"), [(ID, 2), (ID, 0), (uuid4(), 1)], ids=["hole", "zero", "another's"])
def test_an_event_of_elsewhere_is_refused(stream: UUID, number: int) -> None:
    """With another id or number it could not be stored; the error says which it must have."""
    person = Person(ID)
    with pytest.raises(AggregateError, match=f"give it the id {ID} and the sequence number 1"):
        person.apply(NameSet(stream, number, first_name="Kim"))
    apply: Any = person.apply
    with pytest.raises(TypeError, match="takes no attributes"):
        apply(NameSet(ID, 1, first_name="Kim"), last_name="Bos")
    assert (0, (), "") == (person.version, person.uncommitted_events, person.first_name)
