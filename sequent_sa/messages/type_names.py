"""Class ↔ stored name, including renamed classes, of one application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast

from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName, UnknownEventType
from sequent_sa.messages.command import BaseCommand, Command, UpdateCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.storable import is_storable_text

M = TypeVar("M", bound=type)
T = TypeVar("T")
What = Literal["event", "command", "aggregate"]


class TypeNames:
    """The names under which an application stores its classes.

    A class has its name and its aliases. A class that replaces another of the same module and name, as after a
    reload, takes its place. Raises `DuplicateTypeName` for two different classes with one name, and
    `ConfigurationError` for a retired name that a class still has, and for what cannot be a name.
    """

    def __init__(
        self,
        *,
        events: Iterable[type[Event]] = (),
        commands: Iterable[type[BaseCommand]] = (),
        aggregates: Iterable[type] = (),
        retired_events: Iterable[str] = (),
    ) -> None:
        self._events = _by_name(events)
        self._commands = _by_name(commands)
        self._aggregates = _by_name(aggregates)
        if isinstance(retired_events, str):
            raise ConfigurationError(f"retired_events must be a list of names, such as [{retired_events!r}]")
        retired = tuple(retired_events)
        for name in retired:
            _check_name(name, "retired_events")
        self._retired = frozenset(retired)
        for name in sorted(self._retired & self._events.keys()):
            raise ConfigurationError(
                f"{name!r} is retired, but {self._events[name].__qualname__} is stored under it: remove one of them"
            )

    def name_of(self, cls: type) -> str:
        """The name under which a class is stored."""
        name: str = cast("Any", cls).__type_name__
        return name

    def names_of(self, classes: Iterable[type]) -> tuple[str, ...]:
        """The names and aliases of classes: every name that their stored rows may carry."""
        return tuple(dict.fromkeys(name for cls in classes for name in _names(cls)))

    def event_class(self, name: str) -> type[Event] | None:
        """The event class that is stored as `name`, or None when it is retired. Raises `UnknownEventType`."""
        found = self._events.get(name)
        if found is None and name not in self._retired:
            raise UnknownEventType(name)
        return found

    def find_event(self, name: str) -> type[Event] | None:
        """The event class that is stored as `name`, None when there is none, or it is retired."""
        return self._events.get(name)

    @property
    def retired_events(self) -> frozenset[str]:
        """The names of events that no class stands for any more."""
        return self._retired

    @property
    def event_names(self) -> tuple[str, ...]:
        """Every name that a stored event may carry, those of retired ones left out."""
        return tuple(self._events)

    @property
    def events(self) -> Mapping[str, type[Event]]:
        """The event classes by every name that a stored event may carry."""
        return MappingProxyType(self._events)

    @property
    def commands(self) -> Mapping[str, type[BaseCommand]]:
        """The command classes by every name that a stored command may carry."""
        return MappingProxyType(self._commands)

    def command_class(self, name: str) -> type[BaseCommand]:
        """The command class that is stored as `name`. Raises `UnknownEventType`."""
        return _found(self._commands, name, "command")

    def find_command(self, name: str) -> type[BaseCommand]:
        """The command class that a person means: by its stored name, or by `package.Class` as it is imported.

        Raises `ConfigurationError` when there is none, or more than one, naming those that come near.
        """
        if name in self._commands:
            return self._commands[name]
        package, _, class_name = name.rpartition(".")
        namesakes = list(dict.fromkeys(each for each in self._commands.values() if each.__qualname__ == class_name))
        found = [each for each in namesakes if f"{each.__module__}.".startswith(f"{package}.")]
        if len(found) == 1:
            return found[0]
        near = ", ".join(sorted(f"{each.__module__}.{each.__qualname__}" for each in namesakes))
        known = near or ", ".join(sorted(self._commands)) or "none"
        raise ConfigurationError(f"there is no one command {name!r}; there is {known}")

    @property
    def aggregates(self) -> Mapping[str, type]:
        """The aggregate classes by every name that a stored aggregate may carry."""
        return MappingProxyType(self._aggregates)

    def aggregate_class(self, name: str) -> type:
        """The aggregate class that is stored as `name`. Raises `UnknownEventType`."""
        return _found(self._aggregates, name, "aggregate")


def declared_events() -> list[type[Event]]:
    """Every event class that has been imported, in order of definition; the latest of those that were reloaded."""
    return _declared(Event)


def declared_commands() -> list[type[BaseCommand]]:
    """Every command class that has been imported; the latest of those that were reloaded."""
    own: tuple[type[BaseCommand], ...] = (Command, UpdateCommand)
    return [command for command in _declared(BaseCommand) if command not in own]


def _declared(root: type[T]) -> list[type[T]]:
    found: dict[tuple[str, str], type[T]] = {}

    def walk(cls: type[T]) -> None:
        for child in cls.__subclasses__():
            found[(child.__module__, child.__qualname__)] = child
            walk(child)

    walk(root)
    return list(found.values())


def _names(cls: Any) -> tuple[str, ...]:
    return (cls.__type_name__, *cls.__type_aliases__)


def _by_name(classes: Iterable[M]) -> dict[str, M]:
    latest = {(cls.__module__, cls.__qualname__): cls for cls in classes}
    found: dict[str, M] = {}
    for cls in latest.values():
        for name in dict.fromkeys(_names(cls)):
            _check_name(name, f"{cls.__module__}.{cls.__qualname__}")
            other = found.setdefault(name, cls)
            if other is not cls:
                raise DuplicateTypeName(name, other, cls)
    return found


def _check_name(name: object, where: str) -> None:
    if not isinstance(name, str) or not name.strip() or not is_storable_text(name):
        raise ConfigurationError(f"{where}: {name!r} cannot be the name of a stored type: give text that is not blank")


def _found(known: dict[str, M], name: str, what: What) -> M:
    found = known.get(name)
    if found is None:
        raise UnknownEventType(name, what)
    return found
