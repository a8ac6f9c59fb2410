"""Histories for tests, without counting events by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Concatenate, ParamSpec, Self
from uuid import UUID

from sequent_sa import _clock
from sequent_sa._narrowing import is_iterable
from sequent_sa.messages.event import Event

P = ParamSpec("P")
Given = Event | Iterable[Event]
"""An event, or several."""


def flat(given: Iterable[Given]) -> Iterator[Event]:
    """All events, in order. Raises `TypeError` for what is neither an event nor several."""
    for item in given:
        for event in item if is_iterable(item) else (item,):
            if not isinstance(event, Event):
                raise TypeError(f"an event is needed, or a list or stream of events, not {event!r}")
            yield event


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
        """Add the next event; it happens now, unless `created_at` says otherwise.

        Raises `TypeError` for attributes that the event does not have or that are missing.
        """
        make: Callable[..., Event] = event_type
        header = {"aggregate_id": self._aggregate_id, "sequence_number": len(self._events) + 1}
        self._events.append(make(**{"created_at": _clock.now(), **attributes, **header}))
        return self

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)
