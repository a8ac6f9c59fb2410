"""Events to their handlers, in order, inside the transaction."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from sequent_sa.event_store.write import Explain
from sequent_sa.exceptions import (
    AggregateKeyNotUnique,
    ConcurrencyError,
    ConfigurationError,
    EventStoreError,
    ProjectorMigrationError,
    PublishEventError,
)
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_handler import MessageHandler
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

logger = logging.getLogger(__name__)

# What a handler reads makes pending writes go out, and those may be refused for reasons of their own.
_NOT_THE_HANDLERS_FAULT = (
    PublishEventError,
    ProjectorMigrationError,
    ConcurrencyError,
    AggregateKeyNotUnique,
    EventStoreError,
    ConfigurationError,
)


class HandlerChoice(Protocol):
    """Which handlers get events in a unit of work."""

    def __call__(self, unit: UnitOfWork) -> Sequence[MessageHandler]: ...


class EventPublisher:
    """Offers each event to every handler, in the order in which the handlers are configured.

    Publishing while events are being published only adds to the queue, so handlers see events in order.
    """

    def __init__(self, units: UnitsOfWork, handlers: HandlerChoice) -> None:
        self._units = units
        self._handlers = handlers

    def publish(self, events: Sequence[Event]) -> None:
        """Publish events in the current unit of work.

        Raises `PublishEventError` when a handler fails, and `TypeError`, before any handler is called, for what is no
        event.
        """
        if not events:
            return
        for event in events:
            if not isinstance(event, Event):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"an event is needed, not {type(event).__name__}")
        unit = self._units.current()
        queue: deque[Event] | None = unit.memo.get(self)
        if queue is not None:
            queue.extend(events)
            return
        queue = unit.memo[self] = deque(events)
        try:
            handlers = self._handlers(unit)
            while queue:
                self._publish(unit, handlers, queue.popleft())
        finally:
            del unit.memo[self]

    def _publish(self, unit: UnitOfWork, handlers: Sequence[MessageHandler], event: Event) -> None:
        for handler in handlers:
            if not handler.handles_message(event):
                continue
            if logger.isEnabledFor(logging.DEBUG):
                _log(handler, event)
            unit.handlers.add(type(handler))
            with unit.handling(event):
                try:
                    handler.handle_message(event)
                except _NOT_THE_HANDLERS_FAULT:
                    raise
                except Exception as error:
                    if isinstance(error, DBAPIError) and (error.connection_invalidated or error.statement is None):
                        raise  # the connection was lost, or there was none to be had
                    raise PublishEventError(type(handler), event, error) from error


def _log(handler: MessageHandler, event: Event) -> None:
    about = {
        "handler": type(handler).__name__,
        "event": type(event).__name__,
        "aggregate_id": event.aggregate_id,
        "sequence_number": event.sequence_number,
    }
    logger.debug("%s handles %s", about["handler"], about["event"], extra=about)


def explain_writes(handler: type, units: UnitsOfWork) -> Callable[[], Explain | None]:
    """Finds out which event a handler is at, to say so when the database refuses what it writes."""

    def explain() -> Explain | None:
        event = units.current().event
        if event is None:
            return None
        return lambda failure, error: PublishEventError(handler, event, error)

    return explain
