"""Random message classes, and whatever may be stored of them: the codec and the schema never disagree."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy
from marshmallow import ValidationError, fields

from sequent_sa import DeserializeEventError, Event, EventNotSerializable, Secret, ValueObject, attr, upcast
from sequent_sa.messages.codec import decode_event, encode_event
from sequent_sa.messages.event_reader import event_reader
from sequent_sa.testing.strategies import messages

ID = UUID(int=1)
HEADER = ("aggregate_id", "sequence_number", "created_at")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Colour(Enum):
    RED = "red"
    BLUE = "2"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Guessing(Enum):
    RED = "red"
    SPACE = " "

    @classmethod
    def _missing_(cls, value: object) -> Guessing | None:
        return cls.RED if isinstance(value, str) and value.lower() == "red" else None


class Estimating(IntEnum):
    LOW = 0
    HIGH = 100

    @classmethod
    def _missing_(cls, value: object) -> Estimating | None:
        return cls.HIGH if isinstance(value, int) and value > 1000 else None


LEAVES: list[Any] = [
    str,
    int,
    float,
    bool,
    Decimal,
    date,
    datetime,
    UUID,
    Colour,
    Level,
    Literal["a", "b"],
    Literal[1, 2],
    Literal[1, "1", " "],
    Guessing,
    Estimating,
    Literal["x", None],
    Secret,
]


KINDS = ("plain", "optional", "default", "key")


def new_class(base: type, annotations: Mapping[str, Any], defaults: Mapping[str, Any], upcasts: bool) -> Any:
    """A message class with these attributes; with an upcaster that leaves everything as it is."""

    def body(namespace: dict[str, Any]) -> None:
        namespace.update({"__module__": __name__, "__annotations__": dict(annotations), **defaults})
        if upcasts:
            namespace["nothing"] = upcast(staticmethod(_nothing))

    return types.new_class(f"Random{base.__name__}", (base,), {}, body)


def _nothing(data: dict[str, Any]) -> None:
    data.setdefault("nothing", None)


def attribute_types(depth: int) -> SearchStrategy[Any]:
    """Types that an attribute may have."""
    if depth == 0:
        return st.sampled_from(LEAVES)
    inner = attribute_types(depth - 1)
    value_objects = st.tuples(attribute_sets(inner), st.booleans()).map(
        lambda drawn: new_class(ValueObject, drawn[0][0], drawn[0][1], drawn[1])
    )
    return st.one_of(
        st.sampled_from(LEAVES),
        inner.map(lambda item: types.GenericAlias(list, item)),
        inner.map(lambda item: types.GenericAlias(dict, (str, item))),
        value_objects,
    )


@st.composite
def attribute_sets(
    draw: Callable[[Any], Any], types_: SearchStrategy[Any], kinds: tuple[str, ...] = KINDS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes by name, some optional, some with a default, a field or a name of their own in JSON."""
    found: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    for name in ("first", "second", "third")[: draw(st.integers(1, 3))]:
        annotation = draw(types_)
        kind = draw(st.sampled_from(kinds))
        found[name] = annotation | None if kind in ("optional", "default") else annotation
        if kind == "default":
            defaults[name] = None
        elif kind == "key":
            defaults[name] = attr(data_key=f"{name} key")
        elif kind == "custom" and annotation in (str, int):
            defaults[name] = attr(field=fields.Str() if annotation is str else fields.Int(strict=True))
    return found, defaults


event_classes = st.tuples(attribute_sets(attribute_types(2), (*KINDS, "custom")), st.booleans()).map(
    lambda drawn: new_class(Event, drawn[0][0], drawn[0][1], drawn[1])
)


def values_of(event_class: Any) -> SearchStrategy[Any]:
    """Events of a class; what custom fields hold is text or a number."""
    custom: dict[str, SearchStrategy[Any]] = {
        name: (st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
        if isinstance(declared.field, fields.Str)
        else st.integers(-(2**53), 2**53)
        for name, declared in event_class.__declarations__.items()
        if declared.field is not None
    }
    header: Any = {"aggregate_id": st.just(ID), "sequence_number": st.just(1), "created_at": st.just(NOW)}
    return messages(event_class, **header, **custom)


def outcome(read: Callable[[], Any]) -> tuple[str, Any]:
    """The event, or that there is none."""
    try:
        return "read", read()
    except (ValidationError, DeserializeEventError):
        return "refused", None


def both(event_class: Any, stored: str) -> tuple[tuple[str, Any], tuple[str, Any]]:
    """What the codec and the schema make of stored JSON; what reads very many events makes the same as the codec."""
    header = {"aggregate_id": str(ID), "sequence_number": 1, "created_at": NOW.isoformat()}
    data = cast("dict[str, Any]", json.loads(stored, parse_float=Decimal))
    of_many = outcome(lambda: event_reader(event_class)(ID, 1, NOW, stored))
    of_one = outcome(lambda: decode_event(event_class, ID, 1, NOW, stored))
    assert [of_one[0], exactly(of_one[1])] == [of_many[0], exactly(of_many[1])]
    return (
        of_one,
        outcome(lambda: event_class.load({**data, **header})),
    )


def exactly(value: Any) -> Any:
    """The value with the types of everything in it: 1, True and 1.0 are equal otherwise."""
    if isinstance(value, Event | ValueObject):
        return type(value), {name: exactly(getattr(value, name)) for name in cast("Any", value).__struct_fields__}
    if isinstance(value, list):
        return [exactly(each) for each in value]
    if isinstance(value, dict):
        return {key: exactly(each) for key, each in value.items()}
    return type(value), str(value) if isinstance(value, Decimal) else value


@EXAMPLES
@given(event_classes, st.data())
def test_what_is_written_reads_back(event_class: Any, data: DataObject) -> None:
    """Equal, of the same types, and written again as the same text; the schema reads and writes the same."""
    event = data.draw(values_of(event_class))
    stored = encode_event(event)
    by_codec, by_schema = both(event_class, stored)
    assert by_codec[0] == by_schema[0] == "read"
    assert exactly(by_codec[1]) == exactly(by_schema[1])
    assert by_codec[1] == event
    assert encode_event(by_codec[1]) == stored
    dumped = {key: value for key, value in event.dump().items() if key not in HEADER}
    assert dumped == json.loads(stored)


UNSTORABLE: list[Any] = [
    Decimal("NaN"),
    Decimal("1.10"),
    float("nan"),
    float("inf"),
    datetime(2026, 1, 1),  # noqa: DTZ001
    NOW,
    NOW.date(),
    ID,
    Colour.RED,
    Level.LOW,
    "a\0",
    "\ud800",
    object(),
    (1,),
    {1: 2},
]
ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, -3, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30),
    *(0.0, -0.0, 1.0, 1.5, 2.0, 0.1, 1e300, 1e-300),
    *(
        "",
        " ",
        "1",
        "01",
        "-1",
        "+1",
        "1.0",
        "1.10",
        "1e3",
        ".5",
        "5.",
        "1_0",
        " 1 ",
        "0x1",
        "\u0661",
        "NaN",
        "inf",
        "-0",
    ),
    *("true", "false", "True", "yes", "on", "a", "b", "red", "RED", "2", "x", "Infinity", "a\0b", "\ud83d\ude00"),
    *("2026-01-02", "2026-1-2", "02-01-2026", "20260102", "2026-02-30", "2026-01-02Z", "0000-01-01", "2026-W01-1"),
    *("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05.123Z", "2026-01-02T03:04:05.1234567Z"),
    *(
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2026-01-02T24:00:00Z",
        "2026-01-02t03:04:05z",
        "2026-01-02T03:04Z",
    ),
    *(
        "2026-01-02T03:04:05+01:02:03",
        "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:60Z",
        "2026-01-02T03:04:05.9999999Z",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-02T03:04:05-00:00"),
    *("00000000-0000-0000-0000-000000000001", "0" * 32, "{" + "0" * 32 + "}", "urn:uuid:" + "0" * 32, "0" * 31 + "A"),
    *([], {}, [1], ["a"], {"a": 1}, [None], [[]], {"": ""}, {"first": 1}, {"__class__": "x"}),
]
ODD: SearchStrategy[Any] = st.sampled_from(ODD_VALUES) | st.integers() | st.text(max_size=3)

PLACES: dict[str, Callable[[Any], Any]] = {
    "alone": lambda leaf: leaf,
    "optional": lambda leaf: leaf | None if not hasattr(leaf, "__args__") else leaf,
    "in a list": lambda leaf: types.GenericAlias(list, leaf),
    "in a dict": lambda leaf: types.GenericAlias(dict, (str, leaf)),
    "in a value object": lambda leaf: new_class(ValueObject, {"first": leaf}, {}, upcasts=False),
    "in an upcast value object": lambda leaf: new_class(ValueObject, {"first": leaf}, {}, upcasts=True),
    "in a renamed one": lambda leaf: new_class(ValueObject, {"first": leaf}, {"first": attr(data_key="First")}, False),
}
WRAPPED: dict[str, Callable[[Any], Any]] = {
    "alone": lambda value: value,
    "optional": lambda value: value,
    "in a list": lambda value: [value],
    "in a dict": lambda value: {"a": value},
    "in a value object": lambda value: {"first": value},
    "in an upcast value object": lambda value: {"first": value},
    "in a renamed one": lambda value: {"First": value},
}


@pytest.mark.parametrize("upcasts", [False, True], ids=["", "upcast"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_every_type_reads_odd_values_alike(leaf: Any, place: str, upcasts: bool) -> None:
    """Every value, in every place where one of this type may be: the codec and the schema agree on what it is."""
    event_class = new_class(Event, {"first": PLACES[place](leaf)}, {}, upcasts)
    for value in ODD_VALUES:
        stored = json.dumps({"first": WRAPPED[place](value)})
        by_codec, by_schema = both(event_class, stored)
        assert by_codec[0] == by_schema[0], stored
        assert exactly(by_codec[1]) == exactly(by_schema[1]), stored


@pytest.mark.parametrize("place", ["alone", "optional", "in a list", "in a dict"])
@pytest.mark.parametrize("leaf", LEAVES, ids=str)
def test_every_type_stores_what_it_can_read(leaf: Any, place: str) -> None:
    """A value of another type is refused, or reads back equal and is written as the same text again."""
    event_class = new_class(Event, {"first": PLACES[place](leaf)}, {}, upcasts=False)
    for value in [*ODD_VALUES, *UNSTORABLE]:
        check_stored_and_read(event_class(ID, 1, NOW, first=WRAPPED[place](value)))


def check_stored_and_read(event: Any) -> None:
    """Nothing, or an error of the test."""
    try:
        stored = encode_event(event)
    except EventNotSerializable:
        return
    read = decode_event(type(event), ID, 1, NOW, stored)
    assert read == event, stored
    assert encode_event(read) == stored


@st.composite
def mutated(draw: Callable[[Any], Any], value: Any) -> Any:
    """JSON in which something is missing, added, or something else."""
    choice = draw(st.integers(0, 9))
    if choice == 0:
        return draw(ODD)
    if isinstance(value, dict):
        changed = {key: draw(mutated(each)) for key, each in value.items() if draw(st.integers(0, 9))}
        if choice == 1:
            changed[draw(st.sampled_from(["", "x", "__class__", "aggregate_id"]))] = draw(ODD)
        return changed
    if isinstance(value, list):
        return [draw(mutated(each)) for each in value] + ([draw(ODD)] if choice == 1 else [])
    return draw(ODD) if choice < 5 else value


@settings(EXAMPLES, max_examples=400)
@given(event_classes, st.data())
def test_whatever_is_stored_is_read_by_both_or_by_neither(event_class: Any, data: DataObject) -> None:
    """Into the same event."""
    event = data.draw(values_of(event_class))
    changed = data.draw(mutated(json.loads(encode_event(event))))
    if not isinstance(changed, dict):
        changed = {"first": changed}
    changed.pop("aggregate_id", None)
    by_codec, by_schema = both(event_class, json.dumps(changed))
    assert by_codec[0] == by_schema[0], changed
    assert exactly(by_codec[1]) == exactly(by_schema[1]), changed


@settings(EXAMPLES, max_examples=200)
@given(event_classes, st.data())
def test_what_is_applied_can_be_read_or_is_refused(event_class: Any, data: DataObject) -> None:
    """Also when it holds values of other types than it declares."""
    event = data.draw(values_of(event_class))
    names = [
        name for name in event_class.__struct_fields__ if name not in ("aggregate_id", "sequence_number", "created_at")
    ]
    event = event.evolve(**{data.draw(st.sampled_from(names)): data.draw(ODD | st.sampled_from(UNSTORABLE))})
    check_stored_and_read(event)
