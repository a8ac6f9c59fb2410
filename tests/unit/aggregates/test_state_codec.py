"""What the state of an aggregate may hold, so that a snapshot restores it exactly."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any, ClassVar, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequent_sa import AggregateRoot, Secret, StateNotSerializable, ValueObject
from sequent_sa.aggregates.state_codec import StateCodec

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Color(Enum):
    RED = "red"


class Level(StrEnum):
    HIGH = "high"


class Money(ValueObject):
    cents: int


class Point(NamedTuple):
    x: int
    y: float


@dataclass
class Line:
    price: Money
    notes: list[str] = field(default_factory=list[str])


class Order(AggregateRoot):
    limit: ClassVar[int] = 3
    text: str | None = None
    whole: int = 0
    fraction: float = 0
    exact: Decimal = Decimal(0)
    on_day: date | None = None
    at: datetime | None = None
    hour: time | None = None
    span: timedelta | None = None
    raw: bytes = b""
    color: Color | None = None
    choice: Literal["a", 1, None] = None
    secret: Secret | None = None
    price: Money | None = None
    lines: list[Line] = []  # noqa: RUF012 - the framework copies it
    more_lines: list[Line] = []  # noqa: RUF012 - the framework copies it
    owners: set[UUID] = set()  # noqa: RUF012 - the framework copies it
    fixed: frozenset[str] = frozenset()
    pair: tuple[int, str] | None = None
    row: tuple[float, ...] = ()
    by_id: dict[UUID, list[int]] = {}  # noqa: RUF012 - the framework copies it
    counts: dict[str, int] = {}  # noqa: RUF012 - the framework copies it
    point: Point | None = None
    mixed: int | str | None = None
    anything: dict[str, Any] = {}  # noqa: RUF012 - the framework copies it
    _hidden: int = 0

    @cached_property
    def total(self) -> int:
        return self.whole


class Other(AggregateRoot):
    text: str | None = None


CODEC = StateCodec(Order, AggregateRoot)
ID = UUID(int=7)


def restored(state: Mapping[str, object]) -> dict[str, Any]:
    """The state after a snapshot, the time of the first event checked."""
    found, created_at = CODEC.load(CODEC.dump(state, BEGIN))
    assert created_at == BEGIN
    return found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 'NUL \x00, quotes ", back\\slash and é'),
        ("text", None),
        ("whole", 2**70),
        ("fraction", 1),
        ("fraction", 1.0),
        ("fraction", -1e300),
        ("exact", Decimal("1.10")),
        ("on_day", date(2026, 2, 28)),
        ("at", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
        ("at", datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2)))),
        ("hour", time(1, 2, 3, 4)),
        ("span", timedelta(days=-3, microseconds=1)),
        ("raw", b"\x00\xff"),
        ("color", Color.RED),
        ("choice", 1),
        ("secret", Secret.from_hash("$argon2id$x")),
        ("price", Money(cents=3)),
        ("lines", [Line(Money(cents=1), ["a"]), Line(Money(cents=1))]),
        ("owners", {UUID(int=1), UUID(int=2)}),
        ("fixed", frozenset("ab")),
        ("pair", (1, "a")),
        ("row", (1, 2.0, 3)),
        ("by_id", {UUID(int=2): [2], UUID(int=1): [1]}),
        ("counts", {"longer": 1, "a": 2}),
        ("point", Point(1, 2.5)),
        ("mixed", "1"),
        ("anything", {"a": [1, {"b": None}]}),
        ("_hidden", 3),
    ],
)
def test_a_value_comes_back_as_it_was(name: str, value: object) -> None:
    """Of the same type, equal, and dicts in the same order."""
    found = restored({name: value})
    assert found == {name: value}
    assert repr(found) == repr({name: value}) or isinstance(value, set | frozenset | Secret)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("author", "ben", "annotate it in the class, such as `author: str`"),
        ("whole", "1", "not what the annotation says"),
        ("text", Level.HIGH, "comes back as 'high', a str"),
        ("text", "\ud800", "surrogate"),
        ("fraction", float("nan"), "not what the annotation says"),
        ("at", datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam")), "astimezone"),
        ("at", datetime(2026, 1, 1), "not what the annotation says"),  # noqa: DTZ001 - that is the point
        ("counts", defaultdict(int, {"a": 1}), "a dict"),
        ("anything", {"id": ID}, "comes back as {'id': '0000"),
        ("lines", [object()], "no form in JSON"),
        ("pair", (1, "a", 2), "not what the annotation says"),
        ("secret", Secret("clear"), "not hashed"),
    ],
)
def test_what_would_come_back_changed_is_refused_by_name(name: str, value: object, reason: str) -> None:
    """The error names the class and the attribute, and says what is wrong."""
    with pytest.raises(StateNotSerializable, match=f"^Order.{name} cannot be part of a snapshot: ") as caught:
        CODEC.dump({name: value}, BEGIN)
    assert reason in str(caught.value)
    assert (Order, name) == (caught.value.aggregate_type, caught.value.attribute)


def test_one_object_in_two_places_is_refused() -> None:
    """After a snapshot a change in one place would not show in the other."""
    line = Line(Money(cents=1))
    with pytest.raises(StateNotSerializable, match=r"Order\.more_lines .*twice"):
        CODEC.dump({"lines": [line], "more_lines": [line]}, BEGIN)


def test_a_value_that_holds_itself_is_refused() -> None:
    """It has no end in JSON."""
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(StateNotSerializable, match=r"Order\.anything"):
        CODEC.dump({"anything": endless}, BEGIN)


def test_what_is_derived_is_left_out() -> None:
    """A cached property is computed anew."""
    assert restored({"whole": 1, "total": 1}) == {"whole": 1}


def test_an_attribute_without_value_stays_without() -> None:
    """So the default of the class holds, also a later one."""
    assert restored({}) == {}


def test_an_unsupported_annotation_is_named() -> None:
    """With what is supported."""

    class Odd(AggregateRoot):
        thing: complex

    with pytest.raises(StateNotSerializable, match=r"Odd\.thing .*complex .*supported: .*dataclasses"):
        StateCodec(Odd, AggregateRoot)


@pytest.mark.parametrize(
    "changes",
    [
        {"attributes": ["text"]},
        {"state": '{"text": 1}'},
        {"state": '{"unknown": 1}'},
        {"state": "[]"},
        {"state": "{"},
        {"state": None},
        {"created_at": "yesterday"},
    ],
)
def test_what_this_class_cannot_have_written_is_refused(changes: dict[str, object]) -> None:
    """Another class's attributes, wrong types, unknown names, and damaged text."""
    document = json.loads(CODEC.dump({"text": "x"}, BEGIN))
    assert CODEC.load(json.dumps(document)) == ({"text": "x"}, BEGIN)
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons differ
        CODEC.load(json.dumps({**document, **changes}))


@pytest.mark.parametrize("data", ["", "[]", "{}", '{"data": "BAhvOg=="}'])
def test_what_is_no_snapshot_of_ours_is_refused(data: str) -> None:
    """A native Ruby snapshot is not read."""
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons differ
        CODEC.load(data)


def test_attributes_that_changed_are_said() -> None:
    """A class that got or lost attributes does not read old snapshots."""
    data = StateCodec(Other, AggregateRoot).dump({"text": "x"}, BEGIN)
    with pytest.raises(ValueError, match="raise its snapshot_version"):
        CODEC.load(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"anything": st.dictionaries(st.text(), json_values), "mixed": json_values}))
def test_a_state_is_restored_equal_or_refused(state: dict[str, Any]) -> None:
    """There is no third way, whatever the values are."""
    try:
        data = CODEC.dump(state, BEGIN)
    except StateNotSerializable:
        return
    found, _ = CODEC.load(data)
    assert found == state
    assert {name: repr(value) for name, value in found.items()} == {name: repr(value) for name, value in state.items()}
