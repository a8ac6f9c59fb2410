"""Which messages a handler wants, when the class alone does not say it.

A matcher is any object with `matches(message) -> bool`. The ones here are equal when they say the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload, runtime_checkable

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.expectations import Expected, check_names, is_matcher, refuse_empty
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
        check_names(message_type, expected)
    refuse_empty(expected)
    return _HasAttrs[Any](inner, Expected(expected))


def is_message_type(value: Any) -> bool:
    """Whether a value is a class of messages."""
    return isinstance(value, type) and issubclass(value, Message)


def _class_behind(matcher: Any) -> type[Message] | None:
    if isinstance(matcher, _HasAttrs):
        return _class_behind(matcher.matcher)
    if isinstance(matcher, _IsA | _InstanceOf):
        message_type: type[Any] = matcher.message_type
        # What else a message is that has a mixin as its base is not known.
        return message_type if issubclass(message_type, Message) else None
    return None


@dataclass(frozen=True)
class _HasAttrs(TypedMatcher[M_co]):
    matcher: Matcher
    expected: Expected

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
