"""State that is set by events themselves: what the class keyword `autoset` makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from inspect import get_annotations
from typing import Any, ClassVar, get_origin

from sequent_sa._narrowing import is_iterable
from sequent_sa.aggregates.assignable import may_hold
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.messages.attributes import Declaration, Kind, Scope, shapes_of
from sequent_sa.messages.event import Event
from sequent_sa.messages.handler_definitions import MARK
from sequent_sa.messages.matchers import Matcher, TypedMatcher, is_message_type
from sequent_sa.messages.message_handler import on

EventSelector = type[Event] | TypedMatcher[Event] | Matcher
AutosetHandler = Callable[[Any, Event], None]
Copies = tuple[tuple[str, bool], ...]
"""The attributes that an event sets, and whether each is a value that could be changed in its place."""


def header_names() -> frozenset[str]:
    """The attributes that every event has: they are never state."""
    return frozenset(Event.__struct_fields__)


def ignored_names(owner: str, names: object) -> frozenset[str]:
    """The attributes of events that are no state. Raises `ConfigurationError` for what is no list of names."""
    if isinstance(names, str) or not is_iterable(names):
        raise ConfigurationError(f"{owner}: autoset_ignore={names!r} must be a list of names, such as ('reason',)")
    return frozenset(names) | header_names()


def no_autoset() -> AutosetHandler:
    """A handler that nothing leads to."""

    def nothing(_: Any, event: Event) -> None:
        raise AssertionError(f"no selector leads here, and {type(event).__name__} came")

    setattr(nothing, MARK, ((), {}))
    return nothing


def autoset_handler(aggregate_type: Any, root: type, selectors: object) -> AutosetHandler | None:
    """The handler that sets the state of an aggregate class from events: those of its bases, and its own selectors.

    Raises `ConfigurationError` for what is no selector, and for event classes with attributes that the class does not
    declare as state, or declares with a type that cannot hold them.
    """
    own = _listed(aggregate_type.__name__, selectors)
    bases: tuple[type, ...] = aggregate_type.__mro__[:0:-1]
    inherited: list[Any] = [each for base in bases for each in vars(base).get("__autoset_events__", ())]
    every = [*dict.fromkeys(inherited), *(each for each in own if each not in inherited)]
    if not every:
        return None
    aggregate_type.__autoset_events__ = tuple(every)
    declared = dict(_declared(aggregate_type, root))
    compiled = {
        each: _copies(aggregate_type, root, declared, each)
        for each in every
        if is_message_type(each) and issubclass(each, Event)
    }

    def autoset(aggregate: Any, event: Event) -> None:
        copies = compiled.get(type(event))
        if copies is None:
            copies = compiled[type(event)] = _copies(aggregate_type, root, declared, type(event))
        for name, changeable in copies:
            value = getattr(event, name)
            setattr(aggregate, name, deepcopy(value) if changeable else value)

    on(*every)(autoset)
    return autoset


def _listed(owner: str, selectors: Any) -> list[Any]:
    if isinstance(selectors, type) or not is_iterable(selectors):
        raise ConfigurationError(
            f"{owner}: autoset={selectors!r} must be a list of event classes and matchers, such as (NameSet,)"
        )
    return list(selectors)


def _declared(aggregate_type: type, root: type) -> Iterator[tuple[str, object]]:
    """The state by name, with its types; None for one that is defined further down."""
    for base in reversed(aggregate_type.__mro__):
        if base is root or not issubclass(base, root):
            continue
        scope = Scope(base.__module__, {base.__name__: base})
        for name, annotation in get_annotations(base).items():
            resolved = _resolved(scope, annotation)
            if resolved is not ClassVar and get_origin(resolved) is not ClassVar:
                yield name, resolved


def _copies(aggregate_type: type, root: type, declared: Mapping[str, object], event_type: type[Event]) -> Copies:
    ignored: frozenset[str] = getattr(aggregate_type, "__autoset_ignored__")  # noqa: B009
    names = [name for name in event_type.__declarations__ if name not in ignored]
    for name in names:
        where = f"{aggregate_type.__name__} (autoset): {event_type.__name__}.{name}"
        otherwise = "or name it in autoset_ignore"
        if hasattr(root, name):
            raise ConfigurationError(f"{where} cannot be set: {root.__name__} has an attribute {name}; {otherwise[3:]}")
        if name not in declared:
            raise ConfigurationError(f"{where} has no state of this name: annotate `{name}` in the class, {otherwise}")
        given = _type_of(event_type.__declarations__[name])
        if not may_hold(declared[name], given):
            raise ConfigurationError(
                f"{where} is {_shown(given)}, and the state {_shown(declared[name])}: annotate both alike, {otherwise}"
            )
    shapes = shapes_of(event_type)
    return tuple((name, shapes[name].kind in (Kind.LIST, Kind.DICT, Kind.CUSTOM)) for name in names)


def _type_of(declaration: Declaration) -> object:
    return _resolved(declaration.scope, declaration.annotation)


def _resolved(scope: Scope, annotation: object) -> object:
    try:
        return scope.resolve(annotation)
    except NameError:
        return Any


def _shown(annotation: object) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation)
