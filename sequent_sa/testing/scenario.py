"""Given events, when a command, then events: what a command does, told as a story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.aggregates.applied_event import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.application import Sequent
from sequent_sa.exceptions import ConfigurationError
from sequent_sa.execution.middleware import Request
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.form_params import Params
from sequent_sa.testing.comparison import Expected, compare
from sequent_sa.testing.stage import Stage
from sequent_sa.testing.streams import Given, StreamBuilder, flat
from sequent_sa.unit_of_work.aggregate_repository import AggregateRepository
from sequent_sa.unit_of_work.event_publisher import EventPublisher
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork


class GivenEvents(BaseCommand):
    """The command under which the events that a test begins with are stored."""


class SequentFixture:
    """Runs the application's command handlers, without projectors and workflows; by default on a store in memory."""

    def __init__(self, app: Sequent, stage: Stage | None = None) -> None:
        stage = stage or Stage.in_memory(app)
        self._app = app
        self._history = stage.history
        self._units = UnitsOfWork(stage.begin)
        self.repository = AggregateRepository(
            self._units, stage.event_store, app.type_names, app.store_commands_without_events
        )
        self._stored: list[Event] = []
        publisher = _Keeping(self._units, self._stored)
        self._service = app.wiring.command_service(self._units, self.repository, publisher)
        self._unchecked: str | None = None

    def stream(self, aggregate_id: UUID) -> StreamBuilder:
        """A builder of one aggregate's events."""
        return StreamBuilder(aggregate_id)

    def freeze_time(self, moment: datetime) -> None:
        """Stop the clock at this moment, until the test ends. Raises `ValueError` for a moment without timezone."""
        _clock.stop(moment)

    def given_events(self, *events: Given) -> None:
        """Store events as history: single ones, lists and streams, of any number of aggregates.

        No record hook is called for them.
        Raises `ConfigurationError` when no aggregate of the application handles an aggregate's first event.
        """
        by_aggregate: dict[UUID, list[Event]] = {}
        for event in flat(events):
            by_aggregate.setdefault(event.aggregate_id, []).append(event)
        with self._units.open() as unit:
            for aggregate_id, new in by_aggregate.items():
                known = self._history.load(unit.transaction, [aggregate_id], snapshots=False)
                history = [*(known[0][1] if known else ()), *new]
                aggregate_type = self._aggregate_type(history[0])
                name = self._app.type_names.name_of(aggregate_type)
                aggregate = aggregate_type.load_from_history(EventStream(name, aggregate_id), history)
                applied = [AppliedEvent(event, encode_event(event)) for event in new]
                self._history.append(unit.transaction, GivenEvents(), [(aggregate.event_stream(name), applied)])
        self._stored.clear()

    def when_command(self, *commands: Request) -> None:
        """Execute commands; what they store is compared by `then_events`."""
        self._stored.clear()
        self._unchecked = ", ".join(map(_name, commands))
        try:
            self._service.execute_commands(*commands)
        except BaseException:
            self._unchecked = None
            raise

    @property
    def stored_events(self) -> list[Event]:
        """What the last `when_command` stored."""
        self._unchecked = None
        return list(self._stored)

    def then_events(self, *expected: Expected | Iterable[Expected]) -> None:
        """Compare with what the last `when_command` stored, in order.

        An expected class stands for any event of that class; an event for one with equal attributes, whatever its
        id, number and time; a matcher for what it matches.
        """
        __tracebackhide__ = True
        compare("event", expected, self.stored_events)

    def then_no_events(self) -> None:
        """Nothing was stored by the last `when_command`."""
        __tracebackhide__ = True
        self.then_events()

    def finish(self) -> None:
        """Fail when nothing looked at what the last `when_command` stored."""
        if self._unchecked is not None:
            raise AssertionError(
                f"the test does not look at what {self._unchecked} stored: add then_events(...) or then_no_events()"
            )

    def _aggregate_type(self, event: Event) -> type[AggregateRoot]:
        for aggregate_type in self._app.parts.aggregates:
            if type(event) in aggregate_type.handled_types():
                return aggregate_type
        raise ConfigurationError(
            f"no aggregate handles {type(event).__name__}: give an aggregate a method `@on({type(event).__name__})`, "
            "so that it is known whose first event this is"
        )


def _name(request: Request) -> str:
    return request.command_type.__name__ if isinstance(request, Params) else type(request).__name__


class _Keeping(EventPublisher):
    """Publishes to nobody, and keeps what was committed."""

    def __init__(self, units: UnitsOfWork, kept: list[Event]) -> None:
        super().__init__(units, lambda unit: ())
        self._kept = kept

    def publish(self, events: Sequence[Event]) -> None:
        self._units.current().after_commit.append(lambda: self._kept.extend(events))
