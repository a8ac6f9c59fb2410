"""Which messages a handler wants, when the class alone does not say it.

A matcher is any object with `matches(message) -> bool`. The ones here are equal when they say the same.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, overload, runtime_checkable

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Kind, shapes_of
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
    """A matcher that lets through messages of a known type, which type checkers then expect of the handler.

    `by_class` says that only the class of a message decides, so that each class is asked about once.
    """

    by_class: ClassVar[bool] = False

    @abstractmethod
    def matches(self, message: Message, /) -> bool:
        """Whether the handler is to get the message."""

    def matches_class(self, message_type: type[Message], /) -> bool:
        """Whether the handler is to get messages of exactly this class; asked only with `by_class`."""
        raise ConfigurationError(f"{self!r} says by_class, and does not define matches_class(message_type)")


@dataclass(frozen=True)
class _IsA(TypedMatcher[M_co]):
    by_class: ClassVar[bool] = True

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
    by_class: ClassVar[bool] = True

    except_: tuple[type[Any], ...] = ()

    def matches(self, message: Message, /) -> bool:
        return self.matches_class(type(message))

    def matches_class(self, message_type: type[Message], /) -> bool:
        return not issubclass(message_type, self.except_)

    def __repr__(self) -> str:
        return f"any_message({_except_text(self.except_)})"


@dataclass(frozen=True)
class _InstanceOf(TypedMatcher[M_co]):
    by_class: ClassVar[bool] = True

    message_type: type[Any]

    def matches(self, message: Message, /) -> bool:
        return type(message) is self.message_type

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

    An expectation is a value, an attribute matcher (`gt(100)`), or a mapping of these for the attributes of a value
    object. Raises `ConfigurationError` without expectations, or for attributes that the class does not have.
    """
    if not expected:
        raise ConfigurationError(f"has_attrs({matcher!r}): say what at least one attribute is to be")
    if isinstance(matcher, type):
        _check_names(_checked_class(matcher), expected, "")
        return _HasAttrs[Any](_InstanceOf[Any](matcher), _Expected(expected))
    if not isinstance(matcher, Matcher):
        raise ConfigurationError(f"has_attrs: {matcher!r} is neither a message class nor a matcher")
    return _HasAttrs[Any](matcher, _Expected(expected))


def _check_names(message_type: type[Any], expected: Mapping[str, Any], path: str) -> None:
    shapes = shapes_of(message_type)
    for name, value in expected.items():
        if name not in shapes and not hasattr(message_type, name):
            raise ConfigurationError(f"has_attrs: {message_type.__name__} has no attribute {path}{name}")
        if isinstance(value, Mapping) and name in shapes and shapes[name].kind is Kind.NESTED:
            _check_names(shapes[name].type, cast("Mapping[str, Any]", value), f"{path}{name}.")


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
        self._by_name = {
            name: _Expected(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value
            for name, value in expected.items()
        }

    def matches(self, actual: Any) -> bool:
        if isinstance(actual, Mapping):
            values = cast("Mapping[str, Any]", actual)
            return all(name in values and _fits(values[name], each) for name, each in self._by_name.items())
        return all(hasattr(actual, name) and _fits(getattr(actual, name), each) for name, each in self._by_name.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Expected) and self._by_name == other._by_name

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._by_name)))

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name}: {value!r}' for name, value in self._by_name.items())}}}"

    def as_arguments(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._by_name.items())


def _fits(actual: Any, expected: Any) -> bool:
    if isinstance(expected, _Expected | AttrMatcher):
        return expected.matches(actual)
    return bool(actual == expected)


@dataclass(frozen=True)
class _HasAttrs(TypedMatcher[M_co]):
    matcher: Matcher
    expected: _Expected

    def matches(self, message: Message, /) -> bool:
        return self.matcher.matches(message) and self.expected.matches(message)

    def __repr__(self) -> str:
        exact: Matcher | _InstanceOf[Any] = self.matcher
        inner = exact.message_type.__name__ if isinstance(exact, _InstanceOf) else repr(exact)
        return f"has_attrs({inner}, {self.expected.as_arguments()})"


def _classes(except_: Except) -> tuple[type[Any], ...]:
    if except_ is None:
        return ()
    return (except_,) if isinstance(except_, type) else tuple(except_)


def _checked_class(message_type: Any) -> type[Any]:
    if not isinstance(message_type, type):
        raise ConfigurationError(f"a matcher needs a class, not {message_type!r}")
    return message_type


def _except_text(except_: tuple[type[Any], ...], before: str = "") -> str:
    if not except_:
        return ""
    names = [each.__name__ for each in except_]
    return f"{before}except_={names[0] if len(names) == 1 else '[' + ', '.join(names) + ']'}"
