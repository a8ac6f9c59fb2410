"""What is expected of the attributes of a message."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.message import Message


def is_matcher(value: Any) -> bool:
    """Whether a value is an object with `matches(...)`; a message or a class never is."""
    return not isinstance(value, type | Message) and callable(getattr(value, "matches", None))


@dataclass(frozen=True, eq=False)
class AttrMatcher:
    """Compares an attribute with a value; ordering anything with None does not match."""

    name: str
    compare: Callable[[Any, Any], Any]
    value: Any

    def matches(self, actual: Any, /) -> bool:
        """Whether the attribute is as expected."""
        if self.compare not in (operator.eq, operator.ne) and (actual is None or self.value is None):
            return False
        try:
            return bool(self.compare(actual, self.value))
        except TypeError as error:
            raise ConfigurationError(
                f"{self!r} was given a {type(actual).__name__}: give it a value that an attribute can be compared with"
            ) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AttrMatcher):
            return NotImplemented
        return (self.name, self.value) == (other.name, other.value)

    def __hash__(self) -> int:
        # Equal values have equal hashes, also 1 and 1.0; a list has none.
        try:
            return hash((self.name, self.value))
        except TypeError:
            return hash(self.name)

    def __repr__(self) -> str:
        return f"{self.name}({self.value!r})"


def eq(value: object) -> AttrMatcher:
    """The attribute equals `value`."""
    return AttrMatcher("eq", operator.eq, value)


def neq(value: object) -> AttrMatcher:
    """The attribute does not equal `value`."""
    return AttrMatcher("neq", operator.ne, value)


def gt(value: object) -> AttrMatcher:
    """The attribute is greater than `value`."""
    return AttrMatcher("gt", operator.gt, value)


def gte(value: object) -> AttrMatcher:
    """The attribute is greater than or equal to `value`."""
    return AttrMatcher("gte", operator.ge, value)


def lt(value: object) -> AttrMatcher:
    """The attribute is less than `value`."""
    return AttrMatcher("lt", operator.lt, value)


def lte(value: object) -> AttrMatcher:
    """The attribute is less than or equal to `value`."""
    return AttrMatcher("lte", operator.le, value)


class Expected:
    """Expectations by attribute, nested as the attributes are."""

    def __init__(self, expected: Mapping[str, Any]) -> None:
        self._by_name = {name: _expectation(value) for name, value in expected.items()}

    def matches(self, actual: Any) -> bool:
        """Whether every attribute, or value of a mapping, is as expected."""
        if is_mapping(actual):
            return all(name in actual and _fits(actual[name], each) for name, each in self._by_name.items())
        return all(hasattr(actual, name) and _fits(getattr(actual, name), each) for name, each in self._by_name.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expected) and self._by_name == other._by_name

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name))

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name}: {value!r}' for name, value in self._by_name.items())}}}"

    def as_arguments(self) -> str:
        """The expectations as they are written."""
        return ", ".join(f"{name}={value!r}" for name, value in self._by_name.items())


def _expectation(value: Any) -> Any:
    if is_mapping(value):
        return Expected(value)
    if is_list(value):
        return [_expectation(each) for each in value]
    return value


def _fits(actual: Any, expected: Any) -> bool:
    if is_list(expected):
        return is_list(actual) and len(actual) == len(expected) and all(map(_fits, actual, expected))
    if is_matcher(expected):
        return bool(expected.matches(actual))
    return bool(actual == expected)


def check_names(message_type: type[Any], expected: Mapping[str, Any], path: str = "") -> None:
    """Refuse expectations of attributes that a class does not have, at any depth. Raises `ConfigurationError`."""
    shapes = shapes_of(message_type)
    for name, value in expected.items():
        if name in shapes:
            _check_value(shapes[name], value, f"{path}{name}", message_type)
        elif not _is_readable(message_type, name):
            known = ", ".join(shapes)
            raise ConfigurationError(
                f"has_attrs: {message_type.__name__} has no attribute {path}{name}; its attributes are {known}"
            )


def _check_value(shape: Shape, value: Any, path: str, owner: type[Any]) -> None:
    if is_mapping(value):
        if shape.kind is Kind.NESTED:
            check_names(shape.type, value, f"{path}.")
        elif shape.kind is Kind.DICT:
            for key, each in value.items():
                _check_value(cast("Shape", shape.item), each, f"{path}.{key}", owner)
        elif shape.kind is not Kind.CUSTOM:
            raise ConfigurationError(
                f"has_attrs: {owner.__name__}.{path} is not a value object or dict, so it has nothing inside to look at"
            )
    elif is_list(value) and shape.kind is Kind.LIST:
        for number, each in enumerate(value):
            _check_value(cast("Shape", shape.item), each, f"{path}.{number}", owner)


def _is_readable(message_type: type[Any], name: str) -> bool:
    found = inspect.getattr_static(message_type, name, None)
    is_method = isinstance(found, FunctionType | classmethod | staticmethod)
    return found is not None and not is_method and not name.startswith("__")


def refuse_empty(expected: Mapping[str, Any], path: str = "") -> None:
    """Refuse a mapping that expects nothing, at any depth. Raises `ConfigurationError`."""
    for name, value in expected.items():
        if is_mapping(value):
            if not value:
                raise ConfigurationError(f"has_attrs: {path}{name}={{}} expects nothing; an empty dict is eq({{}})")
            refuse_empty(value, f"{path}{name}.")
