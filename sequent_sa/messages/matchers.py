"""Which messages a handler wants, when the class alone does not say it.

A matcher is any object with `matches(message) -> bool`. The ones here are equal when they say the same.
"""

from __future__ import annotations

import inspect
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Generic, Protocol, TypeVar, cast, overload, runtime_checkable

from sequent_sa._narrowing import is_list, is_mapping
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Kind, Shape, shapes_of
from sequent_sa.messages.message import Message

M = TypeVar("M", bound=Message)
M_co = TypeVar("M_co", bound=Message, covariant=True)


@runtime_checkable
class Matcher(Protocol):
    """Chooses messages."""

    def matches(self, message: Message, /) -> bool:
        """Whether the handler is to get the message."""
        ...


class TypedMatcher(ABC, Generic[M_co]):
    """A matcher that lets through messages of a known type, which type checkers then expect of the handler."""

    @abstractmethod
    def matches(self, message: Message, /) -> bool:
        """Whether the handler is to get the message."""

    def matches_class(self, message_type: type[Message], /) -> bool | None:
        """Whether the handler gets all messages of exactly this class, or none; None: each has to be looked at.

        Asked once for each class. Any matcher may have this method.
        """
        return None


@dataclass(frozen=True)
class _IsA(TypedMatcher[M_co]):
    message_type: type[Any]
    except_: tuple[type[Any], ...] = ()

    def matches(self, message: Message, /) -> bool:
        return self.matches_class(type(message))

    def matches_class(self, message_type: type[Message], /) -> bool:
        return issubclass(message_type, self.message_type) and not issubclass(message_type, self.except_)

    def __repr__(self) -> str:
        return f"is_a({self.message_type.__name__}{_except_text(self.except_, ', ')})"


@dataclass(frozen=True)
class _AnyMessage:
    except_: tuple[type[Any], ...] = ()

    def matches(self, message: Message, /) -> bool:
        return self.matches_class(type(message))

    def matches_class(self, message_type: type[Message], /) -> bool:
        return not issubclass(message_type, self.except_)

    def __repr__(self) -> str:
        return f"any_message({_except_text(self.except_)})"


@dataclass(frozen=True)
class _InstanceOf(TypedMatcher[M_co]):
    message_type: type[Any]

    def matches(self, message: Message, /) -> bool:
        return self.matches_class(type(message))

    def matches_class(self, message_type: type[Message], /) -> bool:
        return message_type is self.message_type

    def __repr__(self) -> str:
        return f"instance_of({self.message_type.__name__})"


Except = type[Any] | Iterable[type[Any]] | None


def is_a(message_type: type[M], *, except_: Except = None) -> TypedMatcher[M]:
    """Messages of this class and its subclasses, but not of `except_` and its subclasses."""
    return _IsA(_checked_class(message_type), _classes(except_))


def any_message(*, except_: Except = None) -> Matcher:
    """Every message, but not those of `except_` and its subclasses. Type checkers expect nothing of the handler."""
    return _AnyMessage(_classes(except_))


def instance_of(message_type: type[M]) -> TypedMatcher[M]:
    """Messages of exactly this class, which is also what a class alone means in `@on`."""
    return _InstanceOf(_checked_class(message_type))


@overload
def has_attrs(matcher: type[M] | TypedMatcher[M], /, **expected: Any) -> TypedMatcher[M]: ...
@overload
def has_attrs(matcher: Matcher, /, **expected: Any) -> Matcher: ...
def has_attrs(matcher: Any, /, **expected: Any) -> Any:
    """Messages that `matcher` lets through and whose attributes are as expected.

    An expectation is a value, a matcher (`gt(100)`, or any object with `matches(value)`), a mapping of these for the
    attributes of a value object or the keys of a dict, or a list of these, one for each item.

    Raises `ConfigurationError` without expectations, and for attributes that the class does not have, at any depth.
    Behind `is_a` the attributes are those of the class that it names. Behind `any_message` and matchers of your own
    nothing is known about the class: there a message without the attribute does not match.
    """
    if not expected:
        raise ConfigurationError(f"has_attrs({_text(matcher)}): say what at least one attribute is to be")
    given: Any = matcher
    inner: Any = instance_of(given) if is_message_type(given) else given
    if not is_matcher(inner):
        raise ConfigurationError(f"has_attrs: {_text(given)} is neither a message class nor a matcher")
    message_type = _class_behind(inner)
    if message_type is not None:
        _check_names(message_type, expected, "")
    _refuse_empty(expected, "")
    return _HasAttrs[Any](inner, _Expected(expected))


def is_message_type(value: Any) -> bool:
    """Whether a value is a class of messages."""
    return isinstance(value, type) and issubclass(value, Message)


def is_matcher(value: Any) -> bool:
    """Whether a value is an object with `matches(...)`; a message or a class never is."""
    return not isinstance(value, type | Message) and callable(getattr(value, "matches", None))


def _class_behind(matcher: Any) -> type[Message] | None:
    if isinstance(matcher, _HasAttrs):
        return _class_behind(matcher.matcher)
    if isinstance(matcher, _IsA | _InstanceOf):
        message_type: type[Any] = matcher.message_type
        # What else a message is that has a mixin as its base is not known.
        return message_type if issubclass(message_type, Message) else None
    return None


def _check_names(message_type: type[Any], expected: Mapping[str, Any], path: str) -> None:
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
            _check_names(shape.type, value, f"{path}.")
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


def _refuse_empty(expected: Mapping[str, Any], path: str) -> None:
    for name, value in expected.items():
        if is_mapping(value):
            if not value:
                raise ConfigurationError(f"has_attrs: {path}{name}={{}} expects nothing; an empty dict is eq({{}})")
            _refuse_empty(value, f"{path}{name}.")


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


class _Expected:
    """Expectations by attribute, nested as the attributes are."""

    def __init__(self, expected: Mapping[str, Any]) -> None:
        self._by_name = {name: _expectation(value) for name, value in expected.items()}

    def matches(self, actual: Any) -> bool:
        if is_mapping(actual):
            return all(name in actual and _fits(actual[name], each) for name, each in self._by_name.items())
        return all(hasattr(actual, name) and _fits(getattr(actual, name), each) for name, each in self._by_name.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Expected) and self._by_name == other._by_name

    def __hash__(self) -> int:
        return hash(frozenset(self._by_name))

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name}: {value!r}' for name, value in self._by_name.items())}}}"

    def as_arguments(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._by_name.items())


def _expectation(value: Any) -> Any:
    if is_mapping(value):
        return _Expected(value)
    if is_list(value):
        return [_expectation(each) for each in value]
    return value


def _fits(actual: Any, expected: Any) -> bool:
    if is_list(expected):
        return is_list(actual) and len(actual) == len(expected) and all(map(_fits, actual, expected))
    if is_matcher(expected):
        return bool(expected.matches(actual))
    return bool(actual == expected)


@dataclass(frozen=True)
class _HasAttrs(TypedMatcher[M_co]):
    matcher: Matcher
    expected: _Expected

    def matches(self, message: Message, /) -> bool:
        return self.matcher.matches(message) and self.expected.matches(message)

    def matches_class(self, message_type: type[Message], /) -> bool | None:
        return False if class_answer(self.matcher, message_type) is False else None

    def __repr__(self) -> str:
        exact: Matcher | _InstanceOf[Any] = self.matcher
        inner = exact.message_type.__name__ if isinstance(exact, _InstanceOf) else repr(exact)
        return f"has_attrs({inner}, {self.expected.as_arguments()})"


def class_answer(matcher: object, message_type: type[Message]) -> bool | None:
    """What a matcher says about a whole class of messages; None when it has to look at each."""
    ask: Callable[[type[Message]], bool | None] | None = getattr(matcher, "matches_class", None)
    return None if ask is None else ask(message_type)


def _classes(except_: Except) -> tuple[type[Any], ...]:
    if except_ is None:
        return ()
    given: list[Any] = list(except_) if isinstance(except_, list | tuple | set | frozenset) else [except_]
    for each in given:
        if not isinstance(each, type):
            raise ConfigurationError(f"except_ takes a class or a list of classes, not {_text(each)}")
    # In one order, so that matchers which say the same are equal and read alike.
    return tuple(sorted(set(given), key=lambda each: (each.__qualname__, each.__module__)))


def _checked_class(message_type: Any) -> type[Any]:
    if not isinstance(message_type, type):
        raise ConfigurationError(f"a matcher needs a class, not {_text(message_type)}")
    return message_type


def _text(value: object) -> str:
    # What a message holds is nobody's business in an error.
    if isinstance(value, Message):
        return f"a {type(value).__name__} object"
    return value.__name__ if isinstance(value, type) else repr(value)


def _except_text(except_: tuple[type[Any], ...], before: str = "") -> str:
    if not except_:
        return ""
    names = [each.__name__ for each in except_]
    return f"{before}except_={names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}"
