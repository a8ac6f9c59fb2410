"""An event store without a database, for tests of what commands do: events go through JSON, and rules hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sequent_sa.aggregates.aggregate_root import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import BoundStatement
from sequent_sa.event_store.append import StreamAtVersion, StreamWithEvents
from sequent_sa.event_store.snapshots import SnapshotStore
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.unique_keys import encode_key
from sequent_sa.event_store.write import Write
from sequent_sa.exceptions import AggregateKeyNotUnique, OptimisticLockingError, SequenceNumberGap, UnitOfWorkError
from sequent_sa.messages.codec import decode_event
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.testing.in_memory_snapshots import InMemorySnapshotStore


class _StoredEvent(NamedTuple):
    event_type: type[Event]
    sequence_number: int
    created_at: datetime
    data: str


class InMemoryTransaction:
    """Undoes what was done in it when it is rolled back. It has no connection: there is no database."""

    def __init__(self) -> None:
        self.undo: list[Callable[[], object]] = []
        self._on_commit: list[Callable[[], object]] = []
        self.unsent: dict[object, Any] = {}

    def fetch(self, statement: BoundStatement, *, pending: bool = False) -> Sequence[Sequence[Any]]:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    def reading(self) -> AbstractContextManager[Connection]:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    @staticmethod
    def _refuse() -> NoReturn:
        raise UnitOfWorkError(
            "this test runs without a database: test what reads or writes tables with the sequent_projector fixture, "
            "or give --sequent-database URL"
        )

    def write(self, write: Write, *, first: bool = False) -> None:
        """Raises `UnitOfWorkError`."""
        self._refuse()

    def on_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction has committed."""
        self._on_commit.append(callback)

    def commit(self) -> None:
        """What was done stays."""
        self.undo.clear()
        for callback in self._on_commit:
            callback()

    def explained(self, error: DBAPIError) -> Exception:
        """The error itself."""
        return error

    def rollback(self) -> None:
        """What was done is undone, last first."""
        while self.undo:
            self.undo.pop()()


class InMemoryEventStore:
    """Holds streams, unique keys and snapshots in dictionaries.

    `snapshot_versions` has the version that each aggregate class with snapshots reads, by the name of its type.
    """

    def __init__(self, snapshot_versions: Mapping[str, int] | None = None) -> None:
        self._in_memory_snapshots = InMemorySnapshotStore(self, snapshot_versions or {})
        self.snapshots: SnapshotStore = self._in_memory_snapshots
        self._streams: dict[UUID, tuple[EventStream, list[_StoredEvent]]] = {}
        self._keys: dict[tuple[str, str], UUID] = {}
        self.log: list[Event] = []

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        """Store events. A refusal leaves the store as it was."""
        before = (
            {id_: (stream, list(events)) for id_, (stream, events) in self._streams.items()},
            dict(self._keys),
            list(self.log),
        )
        self.on_rollback(transaction, lambda: self._restore(*before))
        for stream, applied in streams:
            self._append(stream, applied)
        self._replace_keys([stream for stream, _ in streams])
        self._in_memory_snapshots.note(transaction, [stream for stream, _ in streams])

    def load(
        self,
        transaction: Transaction,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        """The streams that exist, decoded anew."""
        found: list[tuple[EventStream, list[Event]]] = []
        for aggregate_id in sorted(set(aggregate_ids) & set(self._streams)):
            stream, stored = self._streams[aggregate_id]
            snapshot = self.snapshots.latest(transaction, aggregate_id) if snapshots and until is None else None
            events: list[Event] = []
            for item in stored[snapshot.sequence_number - 1 if snapshot is not None else 0 :]:
                if until is not None and item.created_at >= until:
                    break
                events.append(
                    decode_event(item.event_type, aggregate_id, item.sequence_number, item.created_at, item.data)
                )
            if events or snapshot is not None:
                latest = events[-1].sequence_number if events else 0
                found.append((replace(stream, snapshot=snapshot, sequence_number=latest), events))
        return found

    def find_event_stream(self, transaction: Transaction, aggregate_id: UUID) -> EventStream | None:
        """One stream, with its unique keys."""
        if aggregate_id not in self._streams:
            return None
        stream, stored = self._streams[aggregate_id]
        held = {scope: json.loads(key) for (scope, key), holder in self._keys.items() if holder == aggregate_id}
        return replace(stream, unique_keys=held, sequence_number=len(stored))

    def register_types(self, transaction: Transaction) -> int:
        """None is new: types have no table here."""
        return 0

    def stream_events(self, transaction: Transaction, aggregate_id: UUID) -> Iterator[Event]:
        """All events of one aggregate, decoded anew."""
        for _, events in self.load(transaction, [aggregate_id], snapshots=False):
            yield from events

    def last_changed(self, aggregate_id: UUID) -> datetime:
        """When the latest event of a stream was applied."""
        return self._streams[aggregate_id][1][-1].created_at

    def on_rollback(self, transaction: Transaction, undo: Callable[[], object]) -> None:
        """Call back when the transaction is rolled back."""
        assert isinstance(transaction, InMemoryTransaction)
        transaction.undo.append(undo)

    def stream_exists(self, transaction: Transaction, aggregate_id: UUID) -> bool:
        """Whether there is such a stream."""
        return aggregate_id in self._streams

    def find_by_unique_key(self, transaction: Transaction, scope: str, key: Mapping[str, object]) -> UUID | None:
        """Who holds a key."""
        return self._keys.get((scope, encode_key(key)))

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        """Replace keys. A refusal leaves the store as it was."""
        before = dict(self._keys)
        self.on_rollback(transaction, lambda: setattr(self, "_keys", before))
        for stream, version in streams:
            if len(self._streams[stream.aggregate_id][1]) != version:
                raise OptimisticLockingError(stream.aggregate_type, stream.aggregate_id, version)
        self._replace_keys([replace(stream, unique_keys=stream.unique_keys or {}) for stream, _ in streams])

    def aggregate_ids(
        self, transaction: Transaction, types: Sequence[str] | None, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """A page of ids, in order."""
        ids = [
            id_
            for id_, (stream, _) in sorted(self._streams.items())
            if (types is None or stream.aggregate_type in types) and (after is None or id_ > after)
        ]
        return ids[:limit]

    def _append(self, stream: EventStream, applied: Sequence[AppliedEvent]) -> None:
        described = EventStream(stream.aggregate_type, stream.aggregate_id, stream.events_partition_key)
        _, stored = self._streams.setdefault(stream.aggregate_id, (described, []))
        for event, data in applied:
            if event.sequence_number <= len(stored):
                raise OptimisticLockingError(stream.aggregate_type, stream.aggregate_id, event.sequence_number - 1)
            if event.sequence_number > len(stored) + 1:
                raise SequenceNumberGap(stream.aggregate_type, stream.aggregate_id, event.sequence_number)
            stored.append(_StoredEvent(type(event), event.sequence_number, event.created_at, data))
            self.log.append(event)

    def _replace_keys(self, streams: Sequence[EventStream]) -> None:
        declaring = {stream.aggregate_id: stream for stream in streams if stream.unique_keys is not None}
        self._keys = {key: holder for key, holder in self._keys.items() if holder not in declaring}
        for stream in declaring.values():
            for scope, key in (stream.unique_keys or {}).items():
                if self._keys.setdefault((scope, encode_key(key)), stream.aggregate_id) != stream.aggregate_id:
                    raise AggregateKeyNotUnique(stream.aggregate_type, stream.aggregate_id, scope)

    def _restore(
        self,
        streams: dict[UUID, tuple[EventStream, list[_StoredEvent]]],
        keys: dict[tuple[str, str], UUID],
        log: list[Event],
    ) -> None:
        self._streams, self._keys, self.log = streams, keys, log
