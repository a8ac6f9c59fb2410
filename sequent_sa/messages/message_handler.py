"""@on, and routing a message to the methods that asked for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar, cast, overload

from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.expectations import is_matcher
from sequent_sa.messages.handler_definitions import MARK, check_definition, described, is_lazy, takes_message
from sequent_sa.messages.matchers import Matcher, TypedMatcher, class_answer, is_message_type
from sequent_sa.messages.message import Message

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)
C = TypeVar("C", bound=Message)
D = TypeVar("D", bound=Message)
M = TypeVar("M", bound=Message)
H = TypeVar("H")
R = TypeVar("R")

OptionCallback = Callable[[type[Any], Sequence[Any], Any], object]


class HandlerDecorator(Protocol[M]):
    """Marks a method that takes the message, or nothing."""

    @overload
    def __call__(self, method: Callable[[H], R], /) -> Callable[[H], R]: ...
    @overload
    def __call__(self, method: Callable[[H, M], R], /) -> Callable[[H, M], R]: ...


@overload
def on(a: type[A] | TypedMatcher[A], /, **options: object) -> HandlerDecorator[A]: ...
@overload
def on(a: type[A] | TypedMatcher[A], b: type[B] | TypedMatcher[B], /, **options: object) -> HandlerDecorator[A | B]: ...
@overload
def on(
    a: type[A] | TypedMatcher[A], b: type[B] | TypedMatcher[B], c: type[C] | TypedMatcher[C], /, **options: object
) -> HandlerDecorator[A | B | C]: ...
@overload
def on(
    a: type[A] | TypedMatcher[A],
    b: type[B] | TypedMatcher[B],
    c: type[C] | TypedMatcher[C],
    d: type[D] | TypedMatcher[D],
    /,
    **options: object,
) -> HandlerDecorator[A | B | C | D]: ...
@overload
def on(*selectors: type[Message] | Matcher, **options: object) -> Callable[[Callable[..., R]], Callable[..., R]]: ...
def on(*selectors: Any, **options: object) -> Any:
    """Mark a method as the handler of messages of exactly these classes, or of what these matchers let through.

    The method takes the message, or no argument. `options` are passed to what the handler's class tree registered
    with `register_option`.

    Raises `ConfigurationError` for no selectors, duplicates, what is no selector, and for coroutines and generators,
    whose bodies would never run.
    """
    if not selectors:
        raise ConfigurationError("@on needs at least one message class or matcher")
    for selector in selectors:
        if not is_message_type(selector) and not is_matcher(selector):
            raise ConfigurationError(
                f"@on({_shown(selector)}): give message classes, or matchers: objects with `matches(message) -> bool`"
            )
    duplicates = [each for place, each in enumerate(selectors) if each in selectors[:place]]
    if duplicates:
        names = ", ".join(dict.fromkeys(map(_shown, duplicates)))
        raise ConfigurationError(f"@on names {names} more than once")

    def mark(method: Any) -> Any:
        if not inspect.isfunction(method):
            raise ConfigurationError(
                f"@on({', '.join(map(_shown, selectors))}) marks methods that take self, not {described(method)}"
            )
        if is_lazy(method):
            raise ConfigurationError(
                f"{method.__qualname__}: handlers run at once, inside the transaction: write it without async and yield"
            )
        if hasattr(method, MARK):
            raise ConfigurationError(f"{method.__qualname__} has @on twice: give all selectors in one @on")
        setattr(method, MARK, (selectors, options))
        return method

    return mark


@dataclass(frozen=True, slots=True)
class Route:
    """A method, by name, and what leads to it."""

    method: str
    selectors: tuple[Any, ...]
    takes_message: bool


Plan = Sequence[tuple[Route, tuple[Matcher, ...]]]
"""The handlers of a class of messages in order, with the matchers of which one must agree; none: always."""


class MessageHandler:
    """The base of aggregates, command handlers, projectors and workflows.

    Every matching handler gets a message once: those that name its class first, then those that use matchers, in
    the order of definition, inherited ones before. Handlers are inherited; a method that overrides one by name takes
    its place, with the routes of its own `@on`, or with those of the method which it overrides when it has none.
    Setting the name to None in a subclass switches the handler off.

    Raises `ConfigurationError` at class definition for options that nobody registered, for methods that take more
    than the message or hide one of the framework, and for messages that never come here: commands go to command
    handlers, events to the others.
    """

    __handles__: ClassVar[type[Message]] = Message
    __routes__: ClassVar[Sequence[Route]] = ()
    __exact__: ClassVar[Mapping[type, tuple[Route, ...]]] = {}
    __matching__: ClassVar[Sequence[tuple[Matcher, Route]]] = ()
    __plans__: ClassVar[dict[type, Plan]] = {}
    __options__: ClassVar[dict[str, OptionCallback]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if MessageHandler in cls.__bases__:
            # One registry for each tree: workflows do not know the options of projectors.
            cls.__options__ = {}
        cls.__routes__ = _collect(cls)
        exact: dict[type, tuple[Route, ...]] = {}
        matching: list[tuple[Matcher, Route]] = []
        for route in cls.__routes__:
            for selector in route.selectors:
                if isinstance(selector, type):
                    exact[selector] = (*exact.get(selector, ()), route)
                else:
                    matching.append((selector, route))
        cls.__exact__ = exact
        cls.__matching__ = matching
        cls.__plans__ = {}
        _apply_options(cls)

    @classmethod
    def register_option(cls, name: str, callback: OptionCallback) -> None:
        """Allow `@on(..., name=value)` in this class tree.

        `callback(handler_class, selectors, value)` is called when a class that uses it is defined. Raises
        `ConfigurationError` when the tree has the option already.
        """
        if name in cls.__options__:
            raise ConfigurationError(f"{cls.__name__}: the option {name!r} is registered already")
        cls.__options__[name] = callback

    @classmethod
    def handled_types(cls) -> tuple[type[Message], ...]:
        """The classes that handlers name, in order of definition; what matchers let through is not among them."""
        return tuple(cls.__exact__)

    @classmethod
    def has_matchers(cls) -> bool:
        """Whether a handler chooses its messages by a matcher."""
        return bool(cls.__matching__)

    @classmethod
    def handles_message(cls, message: Message) -> bool:
        """Whether a handler wants the message."""
        if type(message) in cls.__exact__:
            return True
        return bool(cls.__matching__) and any(_wanted(message, matchers) for _, matchers in cls._plan(message))

    def handle_message(self, message: Message) -> None:
        """Call every handler that wants the message, each once."""
        plan = self.__plans__.get(type(message))
        for route, matchers in self._plan(message) if plan is None else plan:
            if matchers and not _wanted(message, matchers):
                continue
            if route.takes_message:
                getattr(self, route.method)(message)
            else:
                getattr(self, route.method)()

    def handlers_of(self, message_type: type[Message]) -> Sequence[Callable[[Any], object]]:
        """What `handle_message` calls for every message of a class: for whoever handles very many.

        What a matcher only decides for each message is left to `handle_message`.
        """
        plan = self._plan_for(message_type)
        if type(self).handle_message is not MessageHandler.handle_message or any(matchers for _, matchers in plan):
            return (self.handle_message,)
        return [
            getattr(self, route.method)
            if route.takes_message
            else partial(_call_without_message, getattr(self, route.method))
            for route, _ in plan
        ]

    @classmethod
    def _plan(cls, message: Message) -> Plan:
        message_type = type(message)
        plan = cls.__plans__.get(message_type)
        if plan is None:
            plan = cls.__plans__[message_type] = cls._plan_for(message_type)
        return plan

    @classmethod
    def _plan_for(cls, message_type: type[Message]) -> Plan:
        # What only depends on the class of a message is decided once for each class.
        asked: dict[Route, list[Matcher]] = {route: [] for route in cls.__exact__.get(message_type, ())}
        certain = set(asked)
        for matcher, route in cls.__matching__:
            answer = None if route in certain else class_answer(matcher, message_type)
            if route in certain or answer is False:
                continue
            if answer is None:
                asked.setdefault(route, []).append(matcher)
            else:
                certain.add(route)
                asked[route] = []
        return tuple((route, tuple(matchers)) for route, matchers in asked.items())


def _call_without_message(method: Callable[[], object], _message: Message) -> object:
    return method()


def _wanted(message: Message, matchers: tuple[Matcher, ...]) -> bool:
    return not matchers or any(each.matches(message) for each in matchers)


def _collect(handler: type[MessageHandler]) -> list[Route]:
    marks: dict[str, tuple[Any, ...]] = {}
    for base in reversed(handler.__mro__):
        for name, value in vars(base).items():
            mark = getattr(value, MARK, None)
            if mark is not None:
                marks[name] = mark[0]
    for name, value in vars(handler).items():
        # A staticmethod around a handler hides the mark, and would hide the handler.
        mark = getattr(getattr(value, "__func__", value), MARK, None)
        if mark is not None:
            check_definition(handler, handler.__handles__, name, value, mark[0])
    routes: list[Route] = []
    for name, selectors in marks.items():
        method = getattr(handler, name)
        if method is not None:
            routes.append(Route(name, selectors, takes_message(handler, name, method)))
    return routes


def _apply_options(handler: type[MessageHandler]) -> None:
    for name, value in vars(handler).items():
        mark = cast("tuple[tuple[Any, ...], Mapping[str, Any]] | None", getattr(value, MARK, None))
        if mark is None:
            continue
        selectors, options = mark
        for option, given in options.items():
            callback = handler.__options__.get(option)
            if callback is None:
                known = ", ".join(sorted(handler.__options__)) or "there are none"
                raise ConfigurationError(
                    f"{handler.__name__}.{name}: @on has no option {option!r}; registered options: {known}"
                )
            callback(handler, selectors, given)


def _shown(selector: object) -> str:
    # What a message holds is nobody's business in an error.
    if isinstance(selector, Message):
        return f"a {type(selector).__name__} object"
    return selector.__name__ if isinstance(selector, type) else repr(selector)
