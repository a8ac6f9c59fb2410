"""The classes of which an application consists."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from types import ModuleType
from typing import Any, TypedDict, TypeVar

from sequent_sa import registry
from sequent_sa._narrowing import is_iterable
from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.exceptions import ConfigurationError, DuplicateTypeName
from sequent_sa.execution.command_handler import CommandHandler
from sequent_sa.execution.workflow import Workflow
from sequent_sa.messages.attributes import shapes_of
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.projections.projector import Projector

logger = logging.getLogger(__name__)

H = TypeVar("H", bound=MessageHandler)
M = TypeVar("M", bound=Message)


class Declared(TypedDict):
    """What an application was told about its classes."""

    packages: Sequence[str]
    command_handlers: Sequence[type[CommandHandler]]
    projectors: Sequence[type[Projector]]
    workflows: Sequence[type[Workflow]]
    retired_events: Sequence[str]


class Parts:
    """The classes of an application, and the names under which they are stored."""

    def __init__(
        self,
        packages: Sequence[str],
        command_handlers: Sequence[type[CommandHandler]],
        projectors: Sequence[type[Projector]],
        workflows: Sequence[type[Workflow]],
        retired_events: Sequence[str],
    ) -> None:
        modules = registry.import_packages(packages)
        self.command_handlers = _merged("command_handlers", command_handlers, modules, CommandHandler)
        self.projectors = _merged("projectors", projectors, modules, Projector)
        self.workflows = _merged("workflows", workflows, modules, Workflow)
        handlers: list[type[MessageHandler]] = [*self.command_handlers, *self.projectors, *self.workflows]
        messages = [message for handler in handlers for message in handler.handled_types()]
        for projector in self.projectors:
            projector.require_tables()
        _refuse_shared_names(self.projectors)
        _refuse_shared_tables(self.projectors)
        modules += registry.modules_of([*handlers, *messages])
        modules = list(dict.fromkeys(modules))
        self.aggregates = registry.classes_in(modules, AggregateRoot)
        # What a handler names belongs to the application wherever it is defined.
        events = list(dict.fromkeys([*registry.classes_in(modules, Event), *_named(messages, Event)]))
        commands = list(dict.fromkeys([*registry.classes_in(modules, BaseCommand), *_named(messages, BaseCommand)]))
        for message in [*events, *commands]:
            shapes_of(message)  # a type that cannot be resolved is better found now than with the first message
        self.type_names = TypeNames(
            events=events,
            commands=commands,
            aggregates=self.aggregates,
            retired_events=retired_events,
        )
        for handler in handlers:
            logger.debug("registered %s", handler.__name__, extra={"handler": handler.__name__})


def _named(messages: Sequence[type[Message]], base: type[M]) -> list[type[M]]:
    return [message for message in messages if issubclass(message, base) and not vars(message).get("__abstract__")]


def _refuse_shared_names(projectors: Sequence[type[Projector]]) -> None:
    known: dict[str, type[Projector]] = {}
    for projector in projectors:
        for name in (projector.__type_name__, *projector.__type_aliases__):
            other = known.setdefault(name, projector)
            if other is not projector:
                raise DuplicateTypeName(name, other, projector)


def _refuse_shared_tables(projectors: Sequence[type[Projector]]) -> None:
    managers: dict[type, type[Projector]] = {}
    for projector in projectors:
        for record in projector.managed_tables or ():
            other = managers.setdefault(record, projector)
            if other is not projector:
                raise ConfigurationError(
                    f"{other.__name__} and {projector.__name__} both manage {record.__name__}, so a replay of "
                    "one would lose the rows of the other: let one of them manage it"
                )


def _merged(option: str, given: Sequence[type[H]], modules: Sequence[ModuleType], base: type[H]) -> list[type[H]]:
    listed: Any = given
    if not is_iterable(listed) or isinstance(listed, str):
        raise ConfigurationError(f"{option} must be a list of classes, such as {option}=[SomeClass], not {given!r}")
    for handler in listed:
        if not isinstance(handler, type):
            raise ConfigurationError(f"{option}: give classes, not {handler!r}")
        if not issubclass(handler, base) or handler is base:
            raise ConfigurationError(f"{option}: {handler.__name__} is not a class of its own under {base.__name__}")
    merged = [*given, *registry.classes_in(modules, base)]
    for handler, count in Counter(merged).items():
        if count > 1:
            raise ConfigurationError(
                f"{handler.__name__} is registered {count} times: name it once in {option}, and not at all when one of "
                "the packages has it"
            )
    return merged
