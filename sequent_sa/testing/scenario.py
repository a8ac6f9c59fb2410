"""Given events, when a command, then events: what a command does, told as a story."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, Self
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.aggregate_root import AggregateRoot, AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.application import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.middleware import Request
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.testing.in_memory_event_store import InMemoryEventStore, InMemoryTransaction
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork, UnitsOfWork

P = ParamSpec("P")
Given = Event | Iterable[Event]
Expected = Event | type[Event] | object


class GivenEvents(BaseCommand):
    """The command under which the events that a test begins with are stored."""


class StreamBuilder:
    """Makes the events of one aggregate, numbered from 1; iterate over it, or hand it to `given_events`."""

    def __init__(self, aggregate_id: UUID) -> None:
        self._aggregate_id = aggregate_id
        self._events: list[Event] = []

    def add(
        self,
        event_type: Callable[Concatenate[UUID, int, datetime, P], Event],
        /,
        *_args: P.args,
        **attributes: P.kwargs,
    ) -> Self:
        """Add the next event."""
        make: Callable[..., Event] = event_type
        header = {"aggregate_id": self._aggregate_id, "sequence_number": len(self._events) + 1}
        self._events.append(make(**{"created_at": _clock.now(), **attributes, **header}))
        return self

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)


class SequentFixture:
    """Runs the application's command handlers on an event store in memory, without projectors and workflows."""

    def __init__(self, app: Sequent) -> None:
        self._app = app
        self._store = InMemoryEventStore()
        self._units = UnitsOfWork(InMemoryTransaction)
        self.repository = AggregateRepository(self._units, self._store, app.type_names)
        publisher = EventPublisher(self._units, _no_handlers)
        self._service = app.command_service_with(self._units, self.repository, publisher)
        self._start = 0
        self._unchecked: str | None = None

    def stream(self, aggregate_id: UUID) -> StreamBuilder:
        """A builder of one aggregate's events."""
        return StreamBuilder(aggregate_id)

    def given_events(self, *events: Given) -> None:
        """Store events as history: single ones, lists and streams, of any number of aggregates.

        Raises `ConfigurationError` when no aggregate of the application handles an aggregate's first event.
        """
        by_aggregate: dict[UUID, list[Event]] = {}
        for event in _flat(events):
            by_aggregate.setdefault(event.aggregate_id, []).append(event)
        with self._units.open() as unit:
            for aggregate_id, new in by_aggregate.items():
                known = self._store.load(unit.transaction, [aggregate_id])
                history = [*(known[0][1] if known else ()), *new]
                aggregate_type = self._aggregate_type(history[0])
                name = self._app.type_names.name_of(aggregate_type)
                aggregate = aggregate_type.load_from_history(EventStream(name, aggregate_id), history)
                applied = [AppliedEvent(event, encode_event(event)) for event in new]
                self._store.append(unit.transaction, GivenEvents(), [(aggregate.event_stream(name), applied)])
        self._start = len(self._store.log)

    def when_command(self, *commands: Request) -> None:
        """Execute commands; what they store is compared by `then_events`."""
        self._start = len(self._store.log)
        self._unchecked = ", ".join(type(command).__name__ for command in commands)
        try:
            self._service.execute_commands(*commands)
        except BaseException:
            self._unchecked = None
            raise

    @property
    def stored_events(self) -> list[Event]:
        """What the last `when_command` stored."""
        self._unchecked = None
        return self._store.log[self._start :]

    def then_events(self, *expected: Expected | Iterable[Expected]) -> None:
        """Compare with what the last `when_command` stored, in order.

        An expected class stands for any event of that class; an event for one with equal attributes, whatever its
        id, number and time; a matcher for what it matches.
        """
        __tracebackhide__ = True
        actual = self.stored_events
        wanted = list(_flat_expected(expected))
        for number, (want, event) in enumerate(zip(wanted, actual, strict=False), start=1):
            difference = _difference(want, event)
            if difference:
                raise AssertionError(f"event {number} of {len(actual)}: {difference}")
        if len(wanted) != len(actual):
            raise AssertionError(
                f"expected {len(wanted)} events, {len(actual)} were stored\n"
                f"  expected: {', '.join(map(_name, wanted)) or 'none'}\n"
                f"  stored:   {', '.join(map(_name, actual)) or 'none'}"
            )

    def then_no_events(self) -> None:
        """Nothing was stored by the last `when_command`."""
        __tracebackhide__ = True
        self.then_events()

    def finish(self) -> None:
        """Fail when events were stored that no `then_events` looked at."""
        if self._unchecked is not None and len(self._store.log) > self._start:
            raise AssertionError(
                f"{self._unchecked} stored events that the test does not look at: add then_events(...)"
            )

    def _aggregate_type(self, event: Event) -> type[AggregateRoot]:
        for aggregate_type in self._app.parts.aggregates:
            if type(event) in aggregate_type.handled_types():
                return aggregate_type
        raise ConfigurationError(
            f"no aggregate handles {type(event).__name__}: give an aggregate a method `@on({type(event).__name__})`, "
            "so that it is known whose first event this is"
        )


def _no_handlers(unit: UnitOfWork) -> list[MessageHandler]:
    return []


def _flat(events: Iterable[Given]) -> Iterator[Event]:
    for item in events:
        if isinstance(item, Event):
            yield item
        else:
            yield from item


def _flat_expected(expected: Iterable[Any]) -> Iterator[Any]:
    for item in expected:
        if isinstance(item, list | tuple | StreamBuilder):
            yield from item  # pyright: ignore[reportUnknownVariableType]
        else:
            yield item


def _name(item: object) -> str:
    if isinstance(item, type):
        return item.__name__
    return type(item).__name__ if isinstance(item, Event) else repr(item)


def _difference(expected: Any, event: Event) -> str | None:
    if isinstance(expected, type):
        return None if type(event) is expected else f"expected {expected.__name__}, got {event!r}"
    if not isinstance(expected, Event):
        return None if expected.matches(event) else f"{event!r} does not match {expected!r}"
    if type(event) is not type(expected):
        return f"expected {type(expected).__name__}, got {event!r}"
    if encode_event(event) == encode_event(expected):
        return None
    wanted, actual = expected.to_dict(), event.to_dict()
    header = ("aggregate_id", "sequence_number", "created_at")
    lines = [
        f"  {name}: expected {wanted[name]!r}, got {actual[name]!r}"
        for name in wanted
        if name not in header and wanted[name] != actual[name]
    ]
    return "\n".join([f"{type(event).__name__} differs", *lines])
