"""The base class of everything that decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import EllipsisType
from typing import Any, ClassVar, Never, ParamSpec, Self, overload
from uuid import UUID

from sequent_sa import _clock
from sequent_sa.aggregates.applied_event import AppliedEvent, EventFactory, changes, made, next_of
from sequent_sa.aggregates.autoset import EventSelector, autoset_handler, header_names, ignored_names, no_autoset
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot, SnapshotRule, snapshot_rule
from sequent_sa.aggregates.state import StateDefaults, collect_state
from sequent_sa.aggregates.state_codec import state_codec
from sequent_sa.aggregates.unique_keys import UniqueKey, collect_unique_keys, current_unique_keys
from sequent_sa.exceptions import (
    AggregateError,
    AggregateIsDetached,
    HasUncommittedEvents,
    SnapshotNotReadable,
    StateNotSerializable,
)
from sequent_sa.messages.class_keywords import alias_names, refuse_keywords
from sequent_sa.messages.codec import encode_event
from sequent_sa.messages.event import Event
from sequent_sa.messages.message import Message
from sequent_sa.messages.message_handler import MessageHandler

P = ParamSpec("P")


class AggregateRoot(MessageHandler):
    """A consistency boundary: it decides, applies events, and is rebuilt from them.

    Annotated attributes of the class are its state; mutable defaults are copied into each instance, created or
    loaded. State changes only in methods marked with `@on`: `__init__` is not called when an aggregate is loaded.
    Class keywords: `name` is what the store records as the type (the class name by default), `aliases` the names
    that older rows carry. With `snapshot_threshold` or `snapshot_version` the class has snapshots: a new one is needed
    when as many events as the threshold (default 20) came after the latest. Raise the version (default 1) when what
    the handlers make of old events changes. A subclass inherits both; `snapshot_threshold=None` is without snapshots.
    `autoset` are event classes and matchers of events whose attributes become the state of the same name, as if a
    handler stood at the top of the class. `autoset_ignore` are attributes of events that are no state: they are not
    set, and change nothing for `apply_if_changed`. A subclass inherits both, adds to the first, replaces the second.

    Raises `ConfigurationError` at class definition for a mutable default without annotation, for state that
    would hide an attribute of this class, for state that `autoset` wants and the class has not, or of another type,
    and for keywords that mean nothing.
    """

    __handles__: ClassVar[type[Message]] = Event
    __type_name__: ClassVar[str] = "AggregateRoot"
    __type_aliases__: ClassVar[tuple[str, ...]] = ()
    __state__: ClassVar[StateDefaults] = {}
    __unique_key_methods__: ClassVar[Mapping[str, str]] = {}
    __snapshots__: ClassVar[SnapshotRule | None] = None
    __autoset_events__: ClassVar[tuple[EventSelector, ...]] = ()
    __autoset_ignored__: ClassVar[frozenset[str]] = header_names()
    __autoset__ = no_autoset()  # here, so that what takes its place in a subclass comes before other handlers

    aggregate_id: UUID

    def __init_subclass__(
        cls,
        *,
        name: str | None = None,
        aliases: Iterable[str] = (),
        snapshot_threshold: int | EllipsisType | None = ...,
        snapshot_version: int | None = None,
        autoset: Iterable[EventSelector] = (),
        autoset_ignore: Iterable[str] | None = None,
        **unknown: Never,
    ) -> None:
        refuse_keywords(cls.__name__, unknown, _KEYWORDS)
        if autoset_ignore is not None:
            cls.__autoset_ignored__ = ignored_names(cls.__name__, autoset_ignore)
        handler = autoset_handler(cls, AggregateRoot, autoset)
        if handler is not None:
            cls.__autoset__ = handler
        super().__init_subclass__()
        cls.__type_name__ = name or cls.__name__
        cls.__type_aliases__ = alias_names(cls.__name__, aliases)
        cls.__state__ = collect_state(cls, AggregateRoot)
        cls.__unique_key_methods__ = collect_unique_keys(cls)
        cls.__snapshots__ = snapshot_rule(cls.__name__, cls.__snapshots__, snapshot_threshold, snapshot_version)

    def __new__(cls, *_args: Any, **_attributes: Any) -> Self:
        instance = super().__new__(cls)
        for name, copy in cls.__state__.items():
            setattr(instance, name, copy())
        instance._sequence_number = 0
        instance._created_at = None
        instance._uncommitted = []
        instance._detached = False
        instance._partition_keys = set()
        instance._snapshot_number = 1
        return instance

    _sequence_number: int
    _created_at: datetime | None
    _uncommitted: list[AppliedEvent]
    _detached: bool
    _partition_keys: set[str]  # where the events are, and all that this instance said since
    _snapshot_number: int  # of the first event that is in no snapshot

    def __init__(self, aggregate_id: UUID) -> None:
        if not isinstance(aggregate_id, UUID):  # pyright: ignore[reportUnnecessaryIsInstance] (users may not type-check)
            raise TypeError(f"{type(self).__name__} needs a UUID as its id, got {aggregate_id!r}")
        self.aggregate_id = aggregate_id

    @classmethod
    def load_from_history(cls, stream: EventStream, events: Iterable[Event]) -> Self:
        """Rebuild an aggregate from all of its events, in order, or from a snapshot in the stream and those after it.

        Raises `AggregateError` when there is nothing, or when a snapshot has another version than the class, and
        `SnapshotNotReadable` when it holds another state than the class has.
        """
        aggregate = cls.__new__(cls)
        aggregate.aggregate_id = stream.aggregate_id
        if stream.snapshot is not None:
            aggregate._restore(stream.snapshot)
        aggregate._replay(events)
        aggregate._sequence_number = max(aggregate._sequence_number, stream.sequence_number)
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

    @overload
    def apply(self, event_type: EventFactory[P], /, *_args: P.args, **attributes: P.kwargs) -> None: ...
    @overload
    def apply(self, event: Event, /) -> None: ...
    def apply(self, event: Event | Callable[..., Event], /, *_args: Any, **attributes: Any) -> None:
        """Make an event with this aggregate's id and the next sequence number, handle it, and keep it for the commit.

        An event that is made already is taken as it is, its time included.

        Raises `TypeError` for unknown or missing attributes, `EventNotSerializable` for values that could not be
        read back, `AggregateError` for an event that is not the next one of this aggregate, and
        `AggregateIsDetached` when the aggregate was loaded for reading. Then nothing has changed.
        """
        if isinstance(event, Event):
            if attributes:
                raise TypeError(f"apply: a {type(event).__name__} that is made already takes no attributes")
            self._keep(next_of(self.aggregate_id, self._sequence_number, event))
        else:
            self._keep(self._made(event, attributes))

    def apply_if_changed(self, event_type: EventFactory[P], /, *_args: P.args, **attributes: P.kwargs) -> None:
        """Apply the event unless every attribute equals the aggregate's attribute of the same name.

        One that is left out has its default, and what is in `autoset_ignore` is not compared. Without attributes the
        event is always applied.
        """
        event = self._made(event_type, attributes)
        if not attributes or changes(self, event, attributes, self.__autoset_ignored__):
            self._keep(event)

    def events_partition_key(self) -> str:
        """Where PostgreSQL keeps the events of this aggregate; override it to spread them over partitions."""
        return ""

    def unique_keys(self) -> Mapping[str, UniqueKey]:
        """The keys that no other aggregate may hold, by scope: what the `@unique_key` methods say."""
        return current_unique_keys(self)

    def event_stream(self, aggregate_type: str | None = None) -> EventStream:
        """Describe this aggregate, in its present state, for the event store."""
        declares_keys = bool(self.__unique_key_methods__) or type(self).unique_keys is not AggregateRoot.unique_keys
        rule, behind = self.__snapshots__, self._sequence_number + 1 - self._snapshot_number
        partition_key = self.events_partition_key()
        may_change = bool(self._partition_keys) and self._partition_keys != {partition_key}
        self._partition_keys = {*self._partition_keys, partition_key}
        return EventStream(
            aggregate_type=aggregate_type or self.__type_name__,
            aggregate_id=self.aggregate_id,
            events_partition_key=partition_key,
            unique_keys=self.unique_keys() if declares_keys else None,
            partition_key_may_change=may_change,
            snapshot_version=rule.version if rule is not None else None,
            snapshot_outdated_at=_clock.now() if rule is not None and behind >= rule.threshold else None,
            sequence_number=self._sequence_number,
        )

    def take_snapshot(self, aggregate_type: str | None = None) -> Snapshot:
        """The state as it is now.

        Raises `AggregateError` when the class has no snapshots, `HasUncommittedEvents` when events were applied that
        are not stored, and `StateNotSerializable`, naming the attribute, for state that could not be restored equal.
        """
        rule = self.__snapshots__
        if rule is None:
            raise AggregateError(
                f"{type(self).__name__} has no snapshots: give the class a threshold, such as "
                f"`class {type(self).__name__}(AggregateRoot, snapshot_threshold=100)`"
            )
        if self._uncommitted:
            raise HasUncommittedEvents([self.aggregate_id])
        state = {name: value for name, value in vars(self).items() if name not in _NOT_STATE}
        return Snapshot(
            aggregate_id=self.aggregate_id,
            aggregate_type=aggregate_type or self.__type_name__,
            version=rule.version,
            sequence_number=self._sequence_number + 1,
            created_at=_clock.now(),
            data=state_codec(type(self), AggregateRoot).dump(state, self.created_at),
        )

    def take_uncommitted_events(self) -> list[AppliedEvent]:
        """Hand over the events that were applied and not stored yet, and forget them."""
        applied, self._uncommitted = self._uncommitted, []
        return applied

    def detach(self) -> None:
        """Make this instance read-only: `apply` raises from now on."""
        self._detached = True

    def _restore(self, snapshot: Snapshot) -> None:
        rule = self.__snapshots__
        if rule is None or snapshot.version != rule.version:
            reads = "no snapshots" if rule is None else f"snapshots of version {rule.version}"
            raise AggregateError(
                f"{type(self).__name__} {snapshot.aggregate_id} cannot be loaded from a snapshot of version "
                f"{snapshot.version}: the class has {reads}"
            )
        try:
            state, self._created_at = state_codec(type(self), AggregateRoot).load(snapshot.data)
        except (ValueError, StateNotSerializable) as error:
            raise SnapshotNotReadable(type(self), snapshot.aggregate_id, str(error)) from error
        for name in self.__state__:
            delattr(self, name)  # what was deleted before the snapshot stays so
        vars(self).update(state)
        self._snapshot_number = snapshot.sequence_number
        self._sequence_number = snapshot.sequence_number - 1

    def _made(self, event_type: Callable[..., Event], attributes: Mapping[str, Any]) -> Event:
        header: dict[str, Any] = {
            "aggregate_id": self.aggregate_id,
            "sequence_number": self._sequence_number + 1,
            "created_at": _clock.now(),
        }
        return made(event_type, {**attributes, **header})

    def _keep(self, event: Event) -> None:
        if self._detached:
            raise AggregateIsDetached(type(self), self.aggregate_id)
        data = encode_event(event)
        self._replay((event,))
        self._uncommitted.append(AppliedEvent(event, data))

    def _replay(self, events: Iterable[Event]) -> None:
        handle_message = self.handle_message
        for event in events:
            handle_message(event)
            self._sequence_number = event.sequence_number
            if self._created_at is None:
                self._created_at = event.created_at

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {getattr(self, 'aggregate_id', None)} version={self._sequence_number}>"


# Whatever a new instance has before any event was applied belongs to this class, and so does its id.
_NOT_STATE = frozenset({"aggregate_id", *vars(AggregateRoot.__new__(AggregateRoot))})

_KEYWORDS = ("name", "aliases", "snapshot_threshold", "snapshot_version", "autoset", "autoset_ignore")
