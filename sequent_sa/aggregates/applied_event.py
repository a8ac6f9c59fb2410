"""An event on its way into an aggregate."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Concatenate, NamedTuple, ParamSpec
from uuid import UUID

from sequent_sa.exceptions import AggregateError
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_class import make_message

P = ParamSpec("P")
EventFactory = Callable[Concatenate[UUID, int, datetime, P], Event]


class AppliedEvent(NamedTuple):
    """An event and the JSON text that will be stored, whatever happens to the object afterwards."""

    event: Event
    data: str


def made(event_type: Callable[..., Event], attributes: Mapping[str, Any]) -> Event:
    """An event with its header and attributes. Raises `TypeError`, naming the class, for unknown or missing ones."""
    try:
        event: Event = make_message(event_type, **attributes)
    except TypeError:
        return event_type(**attributes)  # this way takes longer, and says what is wrong
    return event


def next_of(stream: UUID, version: int, event: Event) -> Event:
    """The event itself. Raises `AggregateError` when it is another aggregate's, or not the one after `version`."""
    if (event.aggregate_id, event.sequence_number) != (stream, version + 1):
        raise AggregateError(
            f"{type(event).__name__} {event.sequence_number} of aggregate {event.aggregate_id} cannot be applied: give "
            f"it the id {stream} and the sequence number {version + 1}, or let `apply` make the event"
        )
    return event


def changes(state: object, event: Event, given: Collection[str], ignored: Collection[str]) -> bool:
    """Whether an attribute of the event differs from the state of the same name.

    State that there is not counts as None for an attribute that was `given`, and as equal to one that was left out.
    """
    for name in event.__struct_fields__:
        if name not in ignored:
            value = getattr(event, name)
            if getattr(state, name, None if name in given else value) != value:
                return True
    return False
