"""Whatever stands in a row: an event, or an error that keeps the row; in bounded time, and nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sequent_sa import DeserializeEventError, Event, ValueObject, attr, upcast
from sequent_sa.messages.codec import decode_event

ID = UUID(int=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Tree(ValueObject):
    name: str = ""
    children: list[Tree] = []  # noqa: RUF012


class Old(ValueObject):
    name: str = ""

    @upcast
    @staticmethod
    def _was_called_text(data: dict[str, Any]) -> None:
        if "text" in data:
            data["name"] = data.pop("text")


class Stored(Event):
    number: int | None = None
    amount: Decimal | None = None
    day: date | None = None
    tree: Tree | None = None
    old: Old | None = None
    words: dict[str, list[str]] = {}  # noqa: RUF012
    key: str = attr(default="", data_key="the key")


class Upcast(Stored):
    @upcast
    @staticmethod
    def _nothing(data: dict[str, Any]) -> None:
        data.setdefault("number", None)


def read(stored: str | bytes, event_type: type[Stored] = Stored) -> Stored:
    return decode_event(event_type, ID, 1, NOW, stored)


def refused(stored: str | bytes, event_type: type[Stored] = Stored) -> str:
    with pytest.raises(DeserializeEventError) as found:
        read(stored, event_type)
    assert found.value.sequence_number == 1
    return str(found.value)


@pytest.mark.parametrize("event_type", [Stored, Upcast])
@pytest.mark.parametrize(
    "stored",
    [
        "",
        "null",
        "[]",
        "1",
        '"x"',
        "{",
        '{"number": }',
        '{"number": NaN}',
        '{"number": Infinity}',
        '{"amount": "NaN"}',
        '{"amount": "sNaN"}',
        '{"amount": "-Infinity"}',
        '{"day": "2026-02-30"}',
        '{"tree": []}',
        '{"tree": {"children": {}}}',
        '{"tree": {"children": [null]}}',
        '{"words": {"a": "b"}}',
        '{"the key": {}}',
        '{"number": "' + "9" * 5_000 + '"}',
        '{"number": 1e999999}',
        '{"number": -1e999999999999}',
        '{"number": ' + "9" * 1_000_000 + "}",
        '{"number": 0.' + "9" * 1_000_000 + "}",
        '{"tree": ' + '{"children": [' * 100_000 + "]}" * 100_000 + "}",
        '{"words": {"a": ["\\ud800"]}}',
        b'{"words": {"a": ["\xff"]}}',
        "\ufeff{}",
    ],
    ids=lambda stored: str(stored)[:30],
)
def test_what_is_no_event_is_an_error(stored: str | bytes, event_type: type[Stored]) -> None:
    """It names the event; nothing else is raised, also where the nesting would exhaust the stack."""
    assert "Stored" in refused(stored, event_type) or "Upcast" in refused(stored, event_type)


@pytest.mark.parametrize("event_type", [Stored, Upcast])
@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_what_is_not_known_may_be_nested_as_deeply_as_python_reads(depth: int, event_type: type[Stored]) -> None:
    """Beyond that it is an error that names the event, as for attributes; nothing else is raised."""
    stored = '{"number": 1, "x": ' + "[" * depth + "]" * depth + "}"
    with suppress(DeserializeEventError):
        assert read(stored, event_type).number == 1


@pytest.mark.parametrize("event_type", [Stored, Upcast])
@pytest.mark.parametrize(
    ("stored", "path"),
    [
        ('{"number": "x"}', "number"),
        ('{"tree": {"children": [{}, {"name": []}]}}', "name"),
        ('{"words": {"a": [{}]}}', "words"),
        ('{"the key": []}', "the key"),
        ('{"old": {"text": []}}', "name"),
    ],
)
def test_the_error_says_where(stored: str, path: str, event_type: type[Stored]) -> None:
    """The path to the value is in the message."""
    assert path in refused(stored, event_type)


@pytest.mark.parametrize("event_type", [Stored, Upcast])
@pytest.mark.parametrize(
    ("stored", "name", "expected"),
    [
        ('{"x": 1, "__class__": "x", "__init__": {}, "aggregate_id": "x", "sequence_number": 9}', "number", None),
        ('{"number": 1, "number": 2}', "number", 2),
        ('{"number": 1e3}', "number", 1000),
        ('{"amount": 1.10}', "amount", Decimal("1.10")),
        ('{"amount": 0.1000000000000000055511151231257827}', "amount", Decimal("0.1000000000000000055511151231257827")),
        ('{"old": {"text": "x", "name": "y"}}', "old", Old(name="x")),
        ('  {"number"\n:\t1}  ', "number", 1),
    ],
)
def test_what_can_be_understood_is_read(stored: str, name: str, expected: object, event_type: type[Stored]) -> None:
    """Unknown names change nothing, not even those of Python's own; of a name that comes twice the last one counts."""
    event = read(stored, event_type)
    assert getattr(event, name) == expected
    assert str(getattr(event, name)) == str(expected)
    assert (event.aggregate_id, event.sequence_number, type(event)) == (ID, 1, event_type)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["number", "amount", "day", "tree", "old", "words", "the key", "name", "children", "__class__"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=400)
@given(_JSON.map(json.dumps) | st.text() | st.binary(max_size=20), st.sampled_from([Stored, Upcast]))
def test_any_row_is_an_event_or_an_error(stored: str | bytes, event_type: type[Stored]) -> None:
    """Nothing else comes out, and an event that comes out is one that can be stored."""
    event: Event | None = None
    try:
        event = read(stored, event_type)
    except DeserializeEventError as error:
        assert str(error)  # noqa: PT017 - what it says is not the point
    assert event is None or type(event) is event_type
