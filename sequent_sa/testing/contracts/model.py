"""A store in plain Python, as simple as it can be: what any other store is compared with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.append import StreamAtVersion, StreamWithEvents
from sequent_sa.exceptions import AggregateKeyNotUnique, OptimisticLockingError, SequenceNumberGap, SequentError
from sequent_sa.messages.event import Event
from sequent_sa.testing.contracts.domain import DIARY, DIARY_VERSION, Faded
from sequent_sa.testing.contracts.snapshot_model import SnapshotModel, Tracked

Key = tuple[str, tuple[tuple[str, bool, object], ...]]
Refusal = tuple[type[SequentError], UUID]
"""An error, and the aggregate that it is about."""


@dataclass
class Stored:
    """One aggregate."""

    aggregate_type: str
    partition_key: str
    events: list[Event] = field(default_factory=list[Event])

    def before(self, until: datetime | None) -> list[Event]:
        """The events up to the first one that is not before a moment."""
        found: list[Event] = []
        for event in self.events:
            if until is not None and event.created_at >= until:
                break
            found.append(event)
        return found


@dataclass
class Model:
    """All aggregates and their keys. `log` has the events in the order of commands, numbered."""

    streams: dict[UUID, Stored] = field(default_factory=dict[UUID, Stored])
    keys: dict[Key, UUID] = field(default_factory=dict[Key, UUID])
    partition_keys: dict[UUID, str] = field(default_factory=dict[UUID, str])
    log: list[tuple[int, Event]] = field(default_factory=list[tuple[int, Event]])
    logged: int = 0
    snapshots: SnapshotModel = field(default_factory=SnapshotModel)

    def after(self, changes: Iterable[ModelChange]) -> tuple[Model, set[Refusal]]:
        """What there is after some changes in one transaction, and what may be said against the first that is wrong."""
        copy = Model(
            {
                id_: Stored(each.aggregate_type, each.partition_key, [*each.events])
                for id_, each in self.streams.items()
            },
            dict(self.keys),
            dict(self.partition_keys),
            [*self.log],
            self.logged,
            self.snapshots.copy(),
        )
        for change in changes:
            refusals = change(copy)
            if refusals:
                return self, refusals
        return copy, set()

    def version(self, aggregate_id: UUID) -> int:
        """How many events an aggregate has."""
        return len(self.streams[aggregate_id].events) if aggregate_id in self.streams else 0

    def append(self, streams: Sequence[StreamWithEvents]) -> set[Refusal]:
        """Numbers first, then keys; then everything is there."""
        ordered = sorted(streams, key=lambda each: each[0].aggregate_id)
        refusals: set[Refusal] = set()
        for stream, applied in ordered:
            numbers = [self.version(stream.aggregate_id), *(each.event.sequence_number for each in applied)]
            steps = [number - before for before, number in pairwise(numbers)]
            if any(step < 1 for step in steps):
                refusals.add((OptimisticLockingError, stream.aggregate_id))
            if any(step > 1 for step in steps):
                refusals.add((SequenceNumberGap, stream.aggregate_id))
        if refusals:
            return refusals
        for stream, applied in ordered:
            new = Stored(stream.aggregate_type, stream.events_partition_key)
            stored = self.streams.setdefault(stream.aggregate_id, new)
            for each in applied:
                self.logged += 1
                self.log.append((self.logged, each.event))
                stored.events.append(each.event)
            self._say_partition_key(stream, stored)
            if stream.snapshot_version is not None and stream.snapshot_outdated_at is not None:
                self.snapshots.need([(stream.aggregate_id, stream.snapshot_version)], stream.snapshot_outdated_at)
        return self._replace_keys([stream for stream, _ in ordered if stream.unique_keys is not None])

    def update_keys(self, streams: Sequence[StreamAtVersion]) -> set[Refusal]:
        """Replace the keys of aggregates that have not moved on."""
        moved_on = [stream for stream, version in streams if self.version(stream.aggregate_id) != version]
        if moved_on:
            return {(OptimisticLockingError, stream.aggregate_id) for stream in moved_on}
        return self._replace_keys(sorted((stream for stream, _ in streams), key=lambda stream: stream.aggregate_id))

    def held(self, aggregate_id: UUID) -> set[Key]:
        """The keys of an aggregate."""
        return {key for key, holder in self.keys.items() if holder == aggregate_id}

    def delete(self, aggregate_ids: Collection[UUID]) -> set[Refusal]:
        """As if they had never been."""
        self.streams = {id_: each for id_, each in self.streams.items() if id_ not in aggregate_ids}
        self.keys = {key: holder for key, holder in self.keys.items() if holder not in aggregate_ids}
        self.partition_keys = {id_: key for id_, key in self.partition_keys.items() if id_ not in aggregate_ids}
        self.log = [(number, event) for number, event in self.log if event.aggregate_id not in aggregate_ids]
        self.snapshots.forget(lambda key: key[0] in aggregate_ids)
        return set()

    def take(self, snapshot: Snapshot) -> set[Refusal]:
        """Keep a snapshot of an aggregate that is there."""
        if snapshot.aggregate_id in self.streams:
            self.snapshots.take(snapshot)
        return set()

    def latest_snapshot(self, aggregate_id: UUID) -> Snapshot | None:
        """The one that loading begins with: of the version that the aggregate's class reads."""
        kept = self.snapshots.kept.get((aggregate_id, DIARY_VERSION), {}) if self.is_diary(aggregate_id) else {}
        return kept[max(kept)] if kept else None

    def is_diary(self, aggregate_id: UUID) -> bool:
        """Whether it is there, and its class has snapshots."""
        return aggregate_id in self.streams and self.streams[aggregate_id].aggregate_type == DIARY

    def is_declared(self, key: Tracked) -> bool:
        """Whether the aggregate's class reads snapshots of the version."""
        return self.is_diary(key[0]) and key[1] == DIARY_VERSION

    def happened_since(self, aggregate_id: UUID, moment: datetime) -> bool:
        """Whether the aggregate has an event at a moment or later."""
        return aggregate_id in self.streams and any(
            event.created_at >= moment for event in self.streams[aggregate_id].events
        )

    def _say_partition_key(self, stream: EventStream, stored: Stored) -> None:
        if stream.events_partition_key == stored.partition_key:
            self.partition_keys.pop(stream.aggregate_id, None)
        else:
            self.partition_keys[stream.aggregate_id] = stream.events_partition_key

    def _replace_keys(self, streams: Sequence[EventStream]) -> set[Refusal]:
        ids = {stream.aggregate_id for stream in streams}
        self.keys = {key: holder for key, holder in self.keys.items() if holder not in ids}
        refusals: set[Refusal] = set()
        for stream in streams:
            for key in keys_of(stream.unique_keys or {}):
                if self.keys.setdefault(key, stream.aggregate_id) != stream.aggregate_id:
                    refusals.add((AggregateKeyNotUnique, stream.aggregate_id))
        return refusals


def readable(events: Sequence[Event]) -> list[Event]:
    """Those of types that are not retired."""
    return [event for event in events if not isinstance(event, Faded)]


ModelChange = Callable[[Model], set[Refusal]]


def keys_of(unique_keys: Mapping[str, Mapping[str, object]]) -> set[Key]:
    """Keys by value: 1.0 is 1, but not true; None says nothing, and the order of names does not count."""
    return {
        (
            scope,
            tuple(sorted((name, isinstance(value, bool), value) for name, value in key.items() if value is not None)),
        )
        for scope, key in unique_keys.items()
    }
