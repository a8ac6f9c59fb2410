"""An event store without a database, for tests of what commands do: events go through JSON, and rules hold."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.event_store.append import StreamAtVersion, StreamWithEvents
from sequent_sa.event_store.load import Position
from sequent_sa.event_store.positions import EventBatch, EventPosition
from sequent_sa.event_store.record_hooks import RecordHooks
from sequent_sa.event_store.snapshots import SnapshotStore
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.unique_keys import encode_key
from sequent_sa.exceptions import AggregateKeyNotUnique, OptimisticLockingError, SequenceNumberGap
from sequent_sa.messages.codec import decode_event
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.testing.in_memory_snapshots import InMemorySnapshotStore
from sequent_sa.testing.in_memory_state import State, StoredEvent, StoredStream
from sequent_sa.testing.in_memory_transaction import InMemoryTransaction, Memory, changing, in_memory


class InMemoryEventStore:
    """Holds streams, unique keys and snapshots in dictionaries. `begin` makes the transactions for it.

    `snapshot_versions` has the version that each aggregate class with snapshots reads, by the name of its type.
    `hooks` are called as by a store with columns, which there are none of here. Events with one of the names
    `retired_events` are left out of every answer.
    """

    def __init__(
        self,
        snapshot_versions: Mapping[str, int] | None = None,
        hooks: RecordHooks | None = None,
        *,
        retired_events: Collection[str] = (),
    ) -> None:
        self._hooks = hooks or RecordHooks()
        self._retired = frozenset(retired_events)
        self.snapshots: SnapshotStore = InMemorySnapshotStore(snapshot_versions or {})
        self._memory = Memory()

    def begin(self) -> InMemoryTransaction:
        """A new transaction on what this store holds."""
        return InMemoryTransaction(self._memory)

    @property
    def log(self) -> Sequence[Event]:
        """All events that were committed, in the order of their commands, as they were given."""
        return self._memory.committed.log

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        """Store events, after calling the hooks of each record: a mistake in them is one here too."""
        self._hooks.of_command(command)
        for _, applied in sorted(streams, key=lambda stream: stream[0].aggregate_id):
            for event, _ in applied:
                self._hooks.of_event(event)
        changing(transaction, partial(_append, streams=list(streams)))

    def load(
        self,
        transaction: Transaction,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
        held: Collection[UUID] = (),
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        """The streams that exist, decoded anew. None is held: transactions in memory do not wait for each other."""
        state = in_memory(transaction).state()
        found: list[tuple[EventStream, list[Event]]] = []
        for aggregate_id in sorted(set(aggregate_ids) & set(state.streams)):
            stream, stored = state.streams[aggregate_id]
            snapshot = self.snapshots.latest(transaction, aggregate_id) if snapshots and until is None else None
            before = snapshot.sequence_number - 1 if snapshot is not None else 0
            rest = list(_until(stored[before:], until))
            events = self._readable(aggregate_id, rest)
            if events or snapshot is not None:
                latest = before + len(rest)
                found.append((replace(stream, snapshot=snapshot, sequence_number=latest), events))
        return found

    def load_event(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> Event | None:
        """One event, decoded anew."""
        _, stored = in_memory(transaction).state().streams.get(aggregate_id, (None, ()))
        found = self._readable(aggregate_id, [each for each in stored if each.sequence_number == sequence_number])
        return found[0] if found else None

    def stream_events(
        self, transaction: Transaction, aggregate_id: UUID, *, until: datetime | None = None
    ) -> Iterator[Event]:
        """The events of one aggregate, decoded anew."""
        for _, events in self.load(transaction, [aggregate_id], until=until, snapshots=False):
            yield from events

    def find_event_stream(self, transaction: Transaction, aggregate_id: UUID) -> EventStream | None:
        """One stream, with its unique keys."""
        state = in_memory(transaction).state()
        if aggregate_id not in state.streams:
            return None
        stream, stored = state.streams[aggregate_id]
        held = {scope: json.loads(key) for (scope, key), holder in state.keys.items() if holder == aggregate_id}
        return replace(stream, unique_keys=held, sequence_number=len(stored))

    def stream_exists(self, transaction: Transaction, aggregate_id: UUID) -> bool:
        """Whether there is such a stream."""
        return aggregate_id in in_memory(transaction).state().streams

    def find_by_unique_key(self, transaction: Transaction, scope: str, key: Mapping[str, object]) -> UUID | None:
        """Who holds a key."""
        return in_memory(transaction).state().keys.get((scope, encode_key(key)))

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        """Replace keys."""
        changing(transaction, partial(_update_keys, streams=list(streams)))

    def aggregate_ids(
        self, transaction: Transaction, types: Sequence[str] | None, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """A page of ids, in order."""
        ids = [
            id_
            for id_, (stream, _) in sorted(in_memory(transaction).state().streams.items())
            if (types is None or stream.aggregate_type in types) and (after is None or id_ > after)
        ]
        return ids[:limit]

    def position_mark(self, transaction: Transaction) -> EventPosition:
        """Behind all that is there."""
        return EventPosition(after=str(in_memory(transaction).state().commands))

    def events_since(
        self,
        transaction: Transaction,
        after: EventPosition | None,
        types: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> EventBatch:
        """Commands are committed one after another here, so that the number of a command says it all."""
        if limit < 1:
            raise ValueError(f"limit must be 1 or more, not {limit}")
        position = after or EventPosition()
        later = sorted(
            ((each.command_number, id_, each.sequence_number), id_, each)
            for id_, (_, stored) in in_memory(transaction).state().streams.items()
            for each in stored
            if each.command_number > int(position.after or 0)
            and not self._is_retired(each)
            and (types is None or each.event_type.__type_name__ in types)
        )
        if position.last is not None:
            last = (position.last.command_id, position.last.aggregate_id, position.last.sequence_number)
            later = [each for each in later if each[0] > last]
        found = later[:limit]
        if not found:
            return EventBatch([], self.position_mark(transaction))
        return EventBatch(
            [_decoded(id_, each) for _, id_, each in found], replace(position, last=Position(*found[-1][0]))
        )

    def update_partition_keys(self, transaction: Transaction, limit: int) -> int:
        """Nothing is moved: there is one place only."""
        some = list(in_memory(transaction).state().partition_keys)[:limit]
        changing(transaction, partial(_update_partition_keys, aggregate_ids=some))
        return len(some)

    def delete_streams(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Forget aggregates."""
        streams = in_memory(transaction).state().streams
        found = {id_: streams[id_].stream.aggregate_type for id_ in aggregate_ids if id_ in streams}
        changing(transaction, lambda state: state.delete(found))
        return found

    def register_types(self, transaction: Transaction) -> int:
        """None is new: types have no table here."""
        return 0

    def _is_retired(self, stored: StoredEvent) -> bool:
        return stored.event_type.__type_name__ in self._retired

    def _readable(self, aggregate_id: UUID, stored: Iterable[StoredEvent]) -> list[Event]:
        return [_decoded(aggregate_id, each) for each in stored if not self._is_retired(each)]


def _decoded(aggregate_id: UUID, stored: StoredEvent) -> Event:
    return decode_event(stored.event_type, aggregate_id, stored.sequence_number, stored.created_at, stored.data)


def _until(stored: Sequence[StoredEvent], until: datetime | None) -> Iterator[StoredEvent]:
    for each in stored:
        if until is not None and each.created_at >= until:
            return
        yield each


def _append(state: State, streams: Sequence[StreamWithEvents]) -> None:
    state.commands += 1
    ordered = sorted(streams, key=lambda each: each[0].aggregate_id)
    for stream, applied in ordered:
        known = state.streams.get(stream.aggregate_id)
        version = len(known.events) if known is not None else 0
        for number, (event, _) in enumerate(applied, start=version + 1):
            if event.sequence_number < number:
                raise OptimisticLockingError(
                    stream.aggregate_type, stream.aggregate_id, applied[0].event.sequence_number - 1
                )
            if event.sequence_number > number:
                raise SequenceNumberGap(stream.aggregate_type, stream.aggregate_id, event.sequence_number)
        described = EventStream(stream.aggregate_type, stream.aggregate_id, stream.events_partition_key)
        before = known or StoredStream(described)
        new = tuple(
            StoredEvent(type(event), event.sequence_number, event.created_at, data, state.commands)
            for event, data in applied
        )
        state.streams[stream.aggregate_id] = before._replace(events=before.events + new)
    state.log += [applied.event for _, events in streams for applied in events]
    _replace_keys(state, [stream for stream, _ in ordered])
    for stream, _ in ordered:
        if stream.snapshot_version is not None and stream.snapshot_outdated_at is not None:
            state.outdate([(stream.aggregate_id, stream.snapshot_version)], stream.snapshot_outdated_at)
        if stream.partition_key_may_change:
            _note_partition_key(state, stream)


def _note_partition_key(state: State, stream: EventStream) -> None:
    if state.streams[stream.aggregate_id].stream.events_partition_key == stream.events_partition_key:
        state.partition_keys.pop(stream.aggregate_id, None)
    else:
        state.partition_keys[stream.aggregate_id] = stream.events_partition_key


def _update_partition_keys(state: State, aggregate_ids: Sequence[UUID]) -> None:
    for aggregate_id in aggregate_ids:
        key, stored = state.partition_keys.pop(aggregate_id, None), state.streams.get(aggregate_id)
        if key is not None and stored is not None:
            state.streams[aggregate_id] = stored._replace(stream=replace(stored.stream, events_partition_key=key))


def _update_keys(state: State, streams: Sequence[StreamAtVersion]) -> None:
    for stream, version in streams:
        known = state.streams.get(stream.aggregate_id)
        if (len(known.events) if known is not None else 0) != version:
            raise OptimisticLockingError(stream.aggregate_type, stream.aggregate_id, version)
    ordered = sorted((stream for stream, _ in streams), key=lambda stream: stream.aggregate_id)
    _replace_keys(state, [replace(stream, unique_keys=stream.unique_keys or {}) for stream in ordered])


def _replace_keys(state: State, streams: Sequence[EventStream]) -> None:
    declaring = {stream.aggregate_id: stream for stream in streams if stream.unique_keys is not None}
    state.keys = {key: holder for key, holder in state.keys.items() if holder not in declaring}
    for stream in declaring.values():
        for scope, key in (stream.unique_keys or {}).items():
            if state.keys.setdefault((scope, encode_key(key)), stream.aggregate_id) != stream.aggregate_id:
                raise AggregateKeyNotUnique(stream.aggregate_type, stream.aggregate_id, scope)
