"""Reading stored events of one class, very many of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec

from sequent_sa.messages.codec import READ_ERRORS, codec_of, decode_event
from sequent_sa.messages.event import Event
from sequent_sa.messages.message_class import completed_moments, make_message
from sequent_sa.messages.type_names import TypeNames

E = TypeVar("E", bound=Event)
R = TypeVar("R")

ReadEvent = Callable[[UUID, int, datetime, Any], R]
"""Takes the aggregate's id, the sequence number, the moment, and the payload as text or as msgspec leaves it unread."""

_NOBODY = UUID(int=0)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def event_reader(event_type: type[E]) -> ReadEvent[E]:
    """What `decode_event` does, for very many events of one class: what depends on the class is worked out before."""

    def read_slowly(aggregate_id: UUID, sequence_number: int, created_at: datetime, data: Any) -> E:
        text = data if isinstance(data, str) else bytes(data)
        return decode_event(event_type, aggregate_id, sequence_number, created_at, text)

    decode = codec_of(event_type).plain_decoder
    if decode is None or completed_moments(event_type) is None:
        return read_slowly
    return _fast_reader(event_type, decode, read_slowly)


def _fast_reader(event_type: type[E], decode: Callable[[Any], Any], read_slowly: ReadEvent[E]) -> ReadEvent[E]:
    # A copy of an event that is there, filled in, takes half as long as making one.
    codec = codec_of(event_type)
    names, finite = tuple(codec.shapes), codec.finite
    new: Callable[[], E] = make_message(event_type, _NOBODY, 1, _BEGINNING, **dict.fromkeys(names)).__copy__
    put: Any = msgspec.structs.force_setattr
    complete: Callable[[E], None] = cast("Any", event_type).__post_init__
    has_moments = completed_moments(event_type) != ("created_at",)

    def read(aggregate_id: UUID, sequence_number: int, created_at: datetime, data: Any) -> E:
        try:
            payload = decode(data)
            if finite and not all(is_finite(getattr(payload, name)) for name, is_finite in finite):
                return read_slowly(aggregate_id, sequence_number, created_at, data)
            event = new()
            put(event, "aggregate_id", aggregate_id)
            put(event, "sequence_number", sequence_number)
            put(event, "created_at", created_at)
            for name in names:
                put(event, name, getattr(payload, name))
            if has_moments or created_at.tzinfo is not UTC:
                complete(event)
        except READ_ERRORS:
            return read_slowly(aggregate_id, sequence_number, created_at, data)
        return event

    return read


class EventReaders(dict[str, ReadEvent[Event | None]]):
    """What reads stored events, by the name of their type: for retired ones it gives None.

    Raises `UnknownEventType` for a name that means nothing.
    """

    def __init__(self, type_names: TypeNames) -> None:
        super().__init__()
        self._type_names = type_names

    def __missing__(self, name: str) -> ReadEvent[Event | None]:
        event_type = self._type_names.event_class(name)
        found: ReadEvent[Event | None] = _read_nothing if event_type is None else event_reader(event_type)
        self[name] = found
        return found


def _read_nothing(aggregate_id: UUID, sequence_number: int, created_at: datetime, data: Any) -> None:
    return None
