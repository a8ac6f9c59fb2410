"""What a message class may be made of, and what is refused when it is defined."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, Flag, IntFlag
from typing import Any, ClassVar, Literal
from uuid import UUID

import pytest
from marshmallow import fields

from sequent_sa import BaseCommand, ConfigurationError, Event, ValueObject, attr
from sequent_sa.messages.codec import decode_event, encode_event
from sequent_sa.messages.validation import parse_command

ID = UUID(int=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def new_class(
    bases: type | tuple[type, ...], annotations: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> Any:
    """A message class with these attributes."""

    def body(namespace: dict[str, Any]) -> None:
        namespace.update({"__module__": __name__, "__annotations__": dict(annotations), **(defaults or {})})

    return types.new_class("Made", bases if isinstance(bases, tuple) else (bases,), {}, body)


NAMES_OF_MARSHMALLOW = ("message_type", "fields", "loads", "context", "opts", "unknown", "partial", "error_messages")
NAMES_OF_PARAMETERS = ("self", "cls", "data", "args", "kwargs", "changes", "event_type", "name", "schema", "default")


@pytest.mark.parametrize("name", [*NAMES_OF_MARSHMALLOW, *NAMES_OF_PARAMETERS, "_hidden", "type", "hash"])
def test_an_attribute_may_have_any_name(name: str) -> None:
    """Also one that the framework, msgspec or marshmallow use for something of their own."""
    part = new_class(ValueObject, {name: int})
    event = new_class(Event, {name: int, "part": part})(ID, 1, NOW, **{name: 1, "part": part(**{name: 2})})
    assert decode_event(type(event), ID, 1, NOW, encode_event(event)) == event
    assert type(event).load(event.dump()) == event
    command = new_class(BaseCommand, {name: int})
    given = command.from_params({name: "3"}).parse()
    assert given == parse_command(command(**{name: "3"})) == command(**{name: 4}).evolve(**{name: 3})
    assert given.to_params() == {name: "3"}


class Wide(Enum):
    HUGE = 2**63


class Mixed(Enum):
    NUMBER = 1
    TEXT = "b"


class NoMember(Enum):
    pass


class Unstorable(Enum):
    NUL = "\0"


class Bits(IntFlag):
    ONE = 1
    TWO = 2


class Flags(Flag):
    ONE = 1


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (Wide, "cannot be stored"),
        (Mixed, "text, or integers, and not both"),
        (NoMember, "text, or integers"),
        (Unstorable, "cannot be stored"),
        (Bits, "use a list of an Enum"),
        (Flags, "use a list of an Enum"),
        (list[Bits], "use a list of an Enum"),
        (Literal[2**63], "cannot be stored"),
        (Literal["a", "\ud800"], "cannot be stored"),
        (typing.List, "say what it holds"),  # noqa: UP006 - the old name is another object
        (typing.Dict, "say what it holds"),  # noqa: UP006
        (ValueObject, "derive a class"),
        (dict[str, ValueObject | None], "derive a class"),
    ],
    ids=str,
)
def test_types_that_could_not_be_stored_are_refused(annotation: Any, reason: str) -> None:
    """When the class is defined, not when the first event of it is stored."""
    with pytest.raises(ConfigurationError, match=rf"Made\.wrong: .* is not supported \(.*{reason}"):
        new_class(Event, {"wrong": annotation})


@pytest.mark.parametrize("key", ['a"b', "a\\b", "a\0", "\x1f", "", "\ud800", 5])
@pytest.mark.parametrize("declared", [lambda key: attr(data_key=key), lambda key: attr(field=fields.Int(data_key=key))])
def test_names_that_json_cannot_have_are_refused(key: Any, declared: Any) -> None:
    """The error names the attribute."""
    with pytest.raises(ConfigurationError, match=r"Made\.number: .* cannot be a name in JSON"):
        new_class(Event, {"number": int}, {"number": declared(key)})


def test_names_that_no_form_field_can_have_are_refused_in_input() -> None:
    """Brackets stand for parts; in events they are letters like others."""
    for base in (BaseCommand, ValueObject):
        with pytest.raises(ConfigurationError, match=r"Made\.number: 'n\[0\]' cannot be the name of a form field"):
            new_class(base, {"number": int}, {"number": attr(data_key="n[0]")})
    event = new_class(Event, {"number": int}, {"number": attr(data_key="n[0]")})(ID, 1, NOW, number=5)
    assert encode_event(event) == '{"n[0]":5}'


class Part(ValueObject):
    numbers: list[int] = []  # noqa: RUF012


@pytest.mark.parametrize(
    ("annotation", "default", "reason"),
    [
        (int, "x", "'x' is a str, not a int"),
        (int, None, "not declared as"),
        (int, True, "True is a bool"),
        (datetime, datetime(2026, 1, 1), "has no timezone"),  # noqa: DTZ001
        (list[int], ["x"], r"\[0\] 'x' is a str"),
        (Literal["a", "b"], "c", "'c' is not one of"),
        (Part, Part(numbers=["x"]), "numbers: "),  # type: ignore[list-item] # the point of the test
        (str, "a\0", "NUL"),
    ],
)
def test_defaults_of_another_type_are_refused(annotation: Any, default: Any, reason: str) -> None:
    """Nobody would give them; so every message that leaves the attribute out would be refused."""
    for written in (default, attr(default=default)):
        with pytest.raises(ConfigurationError, match=rf"Made\.wrong has a default that it cannot hold: .*{reason}"):
            new_class(Event, {"wrong": annotation}, {"wrong": written})


class Early(ValueObject):
    part: Late | None = None


class HasEarly(ValueObject):
    early: Early = Early()


class Late(ValueObject):
    pass


def test_a_default_may_hold_what_is_defined_further_down() -> None:
    """It is looked at no deeper than is known; a whole number is a float."""
    assert new_class(Event, {"early": HasEarly, "ratio": float}, {"ratio": 1})(ID, 1, NOW, early=HasEarly()).ratio == 1


def test_lists_inside_of_a_default_are_not_shared() -> None:
    """A value object as a default is copied when something in it could be changed."""
    made = new_class(Event, {"part": Part}, {"part": Part(numbers=[1])})
    made(ID, 1, NOW).part.numbers.append(2)
    assert made(ID, 1, NOW).part.numbers == [1]


class First(ValueObject):
    first: int


class Second(ValueObject):
    second: int


class Numbered:
    number: int = 1
    limit: ClassVar[int] = 3


class Labelled(Numbered):
    label: str = "x"


class Renumbered(Numbered):
    number: int = 2


def test_attributes_come_from_one_message_and_any_number_of_mixins() -> None:
    """Mixins may inherit from each other, and messages with mixins be inherited."""
    parent = new_class((First, Labelled), {"own": int})
    child = new_class(parent, {"more": int})
    assert child(first=1, own=2, more=3).to_dict() == {"first": 1, "number": 1, "label": "x", "own": 2, "more": 3}
    assert child.limit == 3
    with pytest.raises(ConfigurationError, match=r"Second and First both have attributes: .* a mixin"):
        new_class((First, Second), {})


@pytest.mark.parametrize("bases", [(ValueObject, Renumbered), (new_class((ValueObject, Numbered), {}), Numbered)])
def test_an_attribute_of_a_mixin_is_declared_once(bases: tuple[type, ...]) -> None:
    """By another mixin, or by a parent that has the same one."""
    with pytest.raises(ConfigurationError, match="Made declares number again"):
        new_class(bases, {})


class Limited(Event):
    limit: ClassVar[int] = 3


@pytest.mark.parametrize(("base", "name"), [(Limited, "limit"), (Event, "StoredSchema"), (BaseCommand, "Schema")])
def test_an_attribute_does_not_hide_a_value_of_the_class(base: type, name: str) -> None:
    """The schemas, for example, would be lost."""
    with pytest.raises(ConfigurationError, match=rf"Made\.{name} hides {base.__name__}\.{name}"):
        new_class(base, {name: int})
