"""The base class of everything that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Concatenate, NamedTuple, Never, ParamSpec, Self
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.state import StateDefaults, collect_state
from sequent_sa.aggregates.unique_keys import UniqueKey, collect_unique_keys, current_unique_keys
from sequent_sa.exceptions import AggregateError, AggregateIsDetached
from sequent_sa.messages.class_keywords import alias_names, refuse_keywords
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_class import make_message
from sequent_sa.messages.message_handler import MessageHandler

P = ParamSpec("P")
EventFactory = Callable[Concatenate[UUID, int, datetime, P], Event]


class AppliedEvent(NamedTuple):
    """An event and the JSON text that will be stored, whatever happens to the object afterwards."""

    event: Event
    data: str


class AggregateRoot(MessageHandler):
    """A consistency boundary: it decides, applies events, and is rebuilt from them.

    Annotated attributes of the class are its state; mutable defaults are copied into each instance, created or
    loaded. State changes only in methods marked with `@on`: `__init__` is not called when an aggregate is loaded.
    Class keywords: `name` is what the store records as the type (the class name by default), `aliases` the names
    that older rows carry.

    Raises `ConfigurationError` at class definition for a mutable default without annotation, or for state that
    would hide an attribute of this class.
    """

    __handles__: ClassVar[type[Message]] = Event
    __type_name__: ClassVar[str] = "AggregateRoot"
    __type_aliases__: ClassVar[tuple[str, ...]] = ()
    __state__: ClassVar[StateDefaults] = {}
    __unique_key_methods__: ClassVar[Mapping[str, str]] = {}

    aggregate_id: UUID

    def __init_subclass__(cls, *, name: str | None = None, aliases: Iterable[str] = (), **unknown: Never) -> None:
        refuse_keywords(cls.__name__, unknown, ("name", "aliases"))
        super().__init_subclass__()
        cls.__type_name__ = name or cls.__name__
        cls.__type_aliases__ = alias_names(cls.__name__, aliases)
        cls.__state__ = collect_state(cls, AggregateRoot)
        cls.__unique_key_methods__ = collect_unique_keys(cls)

    def __new__(cls, *_args: Any, **_attributes: Any) -> Self:
        instance = super().__new__(cls)
        for name, copy in cls.__state__.items():
            setattr(instance, name, copy())
        instance._sequence_number = 0
        instance._created_at = None
        instance._uncommitted = []
        instance._detached = False
        instance._partition_keys = set()
        return instance

    _sequence_number: int
    _created_at: datetime | None
    _uncommitted: list[AppliedEvent]
    _detached: bool
    _partition_keys: set[str]  # where the events are, and all that this instance said since

    def __init__(self, aggregate_id: UUID) -> None:
        if not isinstance(aggregate_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance] (users may not type-check)
            raise TypeError(f"{type(self).__name__} needs a UUID as its id, got {aggregate_id!r}")
        self.aggregate_id = aggregate_id

    @classmethod
    def load_from_history(cls, stream: EventStream, events: Iterable[Event]) -> Self:
        """Rebuild an aggregate from all of its events, in order. Raises `AggregateError` when there are none."""
        aggregate = cls.__new__(cls)
        aggregate.aggregate_id = stream.aggregate_id
        for event in events:
            aggregate._replay(event)
        if aggregate._sequence_number == 0:
            raise AggregateError(f"{cls.__name__} {stream.aggregate_id} cannot be loaded: it has no events")
        aggregate._partition_keys = {stream.events_partition_key, aggregate.events_partition_key()}
        return aggregate

    @property
    def created_at(self) -> datetime:
        """When the first event was applied, in UTC. Raises `AggregateError` before that."""
        if self._created_at is None:
            raise AggregateError(f"{self} has no created_at: no event was applied yet")
        return self._created_at

    @property
    def version(self) -> int:
        """The sequence number of the latest event, 0 when there is none."""
        return self._sequence_number

    @property
    def uncommitted_events(self) -> tuple[Event, ...]:
        """The events that were applied and not stored yet."""
        return tuple(applied.event for applied in self._uncommitted)

    def apply(self, event_type: EventFactory[P], /, *_args: P.args, **attributes: P.kwargs) -> None:
        """Make an event with this aggregate's id and the next sequence number, handle it, and keep it for the commit.

        Raises `TypeError` for unknown or missing attributes, `EventNotSerializable` for values that could not be
        read back, and `AggregateIsDetached` when the aggregate was loaded for reading. Then nothing has changed.
        """
        if self._detached:
            raise AggregateIsDetached(type(self), self.aggregate_id)
        header: dict[str, Any] = {
            "aggregate_id": self.aggregate_id,
            "sequence_number": self._sequence_number + 1,
            "created_at": _clock.now(),
        }
        event = _made(event_type, {**attributes, **header})
        data = encode_event(event)
        self._replay(event)
        self._uncommitted.append(AppliedEvent(event, data))

    def apply_if_changed(self, event_type: EventFactory[P], /, *args: P.args, **attributes: P.kwargs) -> None:
        """Apply the event unless every attribute equals the aggregate's attribute of the same name.

        Without attributes the event is always applied.
        """
        if not attributes or any(getattr(self, name, None) != value for name, value in attributes.items()):
            self.apply(event_type, *args, **attributes)

    def events_partition_key(self) -> str:
        """Where PostgreSQL keeps the events of this aggregate; override it to spread them over partitions."""
        return ""

    def unique_keys(self) -> Mapping[str, UniqueKey]:
        """The keys that no other aggregate may hold, by scope: what the `@unique_key` methods say."""
        return current_unique_keys(self)

    def event_stream(self, aggregate_type: str | None = None) -> EventStream:
        """Describe this aggregate, in its present state, for the event store."""
        declares_keys = bool(self.__unique_key_methods__) or type(self).unique_keys is not AggregateRoot.unique_keys
        partition_key = self.events_partition_key()
        may_change = bool(self._partition_keys) and self._partition_keys != {partition_key}
        self._partition_keys = {*self._partition_keys, partition_key}
        return EventStream(
            aggregate_type=aggregate_type or self.__type_name__,
            aggregate_id=self.aggregate_id,
            events_partition_key=partition_key,
            unique_keys=self.unique_keys() if declares_keys else None,
            partition_key_may_change=may_change,
        )

    def take_uncommitted_events(self) -> list[AppliedEvent]:
        """Hand over the events that were applied and not stored yet, and forget them."""
        applied, self._uncommitted = self._uncommitted, []
        return applied

    def detach(self) -> None:
        """Make this instance read-only: `apply` raises from now on."""
        self._detached = True

    def _replay(self, event: Event) -> None:
        self.handle_message(event)
        self._sequence_number = event.sequence_number
        if self._created_at is None:
            self._created_at = event.created_at

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'aggregate_id', None)} version={self._sequence_number}>"


def _made(event_type: Callable[..., Event], attributes: Mapping[str, Any]) -> Event:
    try:
        event: Event = make_message(event_type, **attributes)
    except TypeError:
        return event_type(**attributes)  # this way takes longer, and says what is wrong
    return event
