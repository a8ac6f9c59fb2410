"""The facade of the event store: every method is one delegation."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import snapshot_versions
from sequent_sa.dialects import Dialect
from sequent_sa.event_store import partition_keys
from sequent_sa.event_store.append import Append, StreamAtVersion, StreamWithEvents
from sequent_sa.event_store.deletion import Deletion
from sequent_sa.event_store.load import Load, aggregate_ids, find_event_stream, stream_with
from sequent_sa.event_store.positions import EventBatch, EventPosition, Positions
from sequent_sa.event_store.record_hooks import RecordHooks
from sequent_sa.event_store.snapshots import SnapshotStore, SQLSnapshotStore
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.unique_keys import find_by_unique_key, is_storable
from sequent_sa.event_store.write import Write
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames


class EventStore(Protocol):
    """What the rest of the framework asks of an event store, with a database behind it or without."""

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        """Store a command and the events that it caused.

        The database may refuse them later, when the writes are sent: `OptimisticLockingError`, `SequenceNumberGap`,
        `AggregateKeyNotUnique`.
        """
        ...

    def load(
        self,
        transaction: Transaction,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
        held: Collection[UUID] = (),
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        """The streams that exist, with their events in order; none from the moment `until` on.

        The latest snapshot of its class's version stands in a stream for the events before it, unless it was asked for
        without snapshots, or until a moment. To those that are `held` nobody else appends from now until this
        transaction ends, where transactions can wait for each other.
        """
        ...

    def find_event_stream(self, transaction: Transaction, aggregate_id: UUID) -> EventStream | None:
        """One stream, with its unique keys; None when there is none."""
        ...

    def load_event(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> Event | None:
        """One event; None when there is none."""
        ...

    def stream_events(
        self, transaction: Transaction, aggregate_id: UUID, *, until: datetime | None = None
    ) -> Iterator[Event]:
        """All events of one aggregate, in order, none from the moment `until` on; a bounded number is in memory."""
        ...

    def stream_exists(self, transaction: Transaction, aggregate_id: UUID) -> bool:
        """Whether at least one event of the aggregate is stored."""
        ...

    def find_by_unique_key(self, transaction: Transaction, scope: str, key: Mapping[str, object]) -> UUID | None:
        """The id of the aggregate that holds a key."""
        ...

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        """Make the stored keys of aggregates those that their streams have, without storing events.

        The database may refuse that later: `AggregateKeyNotUnique`, and `OptimisticLockingError` when an aggregate has
        moved on from its version.
        """
        ...

    def aggregate_ids(
        self, transaction: Transaction, types: Sequence[str] | None, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """The ids of at most `limit` aggregates of some types (None: of all), in order, behind one."""
        ...

    def position_mark(self, transaction: Transaction) -> EventPosition:
        """The position behind all that is committed now: nothing of it is read from there."""
        ...

    def events_since(
        self,
        transaction: Transaction,
        after: EventPosition | None,
        types: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> EventBatch:
        """At most `limit` events of some types (None: of all) that were committed after a position (None: the first).

        They come in the order of commands, each once; an empty batch says that there are no more now.
        """
        ...

    def update_partition_keys(self, transaction: Transaction, limit: int) -> int:
        """Move the events of at most `limit` aggregates to the partition keys that these say. Returns how many."""
        ...

    def delete_streams(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Remove the events, unique keys and snapshots of aggregates. Returns the types of those that there were."""
        ...

    def register_types(self, transaction: Transaction) -> int:
        """Store the names of all types that this application has, before they are used. Returns how many were new."""
        ...

    @property
    def snapshots(self) -> SnapshotStore:
        """Where snapshots are kept, and what is known about those that are needed."""
        ...


class SQLEventStore:
    """The event store in a database."""

    def __init__(self, dialect: Dialect, type_names: TypeNames, hooks: RecordHooks | None = None) -> None:
        self._dialect = dialect
        self._append = Append(dialect, type_names, hooks or RecordHooks())
        self.reader = Load(dialect, type_names)
        self._positions = Positions(dialect, self.reader)
        self._deletion = Deletion(dialect)
        self.snapshots: SnapshotStore = SQLSnapshotStore(dialect, snapshot_versions(type_names.aggregates))

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        new_types = self._append.new_types(command, streams)
        for write in self._append.writes(command, streams, new_types):
            transaction.write(write)
        if new_types:
            transaction.on_commit(lambda: self._append.remember_types(new_types))

    def load(
        self,
        transaction: Transaction,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
        held: Collection[UUID] = (),
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        lock = self._dialect.lock_aggregates(sorted(held)) if held else None
        fetch = transaction.fetch
        if lock is not None:
            transaction.write(Write(*lock))
            fetch = partial(fetch, pending=True)
        return list(self.reader.streams(fetch, aggregate_ids, until=until, snapshots=snapshots))

    def find_event_stream(self, transaction: Transaction, aggregate_id: UUID) -> EventStream | None:
        with transaction.reading() as connection:
            return find_event_stream(connection, aggregate_id)

    def load_event(self, transaction: Transaction, aggregate_id: UUID, sequence_number: int) -> Event | None:
        with transaction.reading() as connection:
            return self.reader.event(connection, aggregate_id, sequence_number)

    def stream_events(
        self, transaction: Transaction, aggregate_id: UUID, *, until: datetime | None = None
    ) -> Iterator[Event]:
        with transaction.reading() as connection, closing(self.reader.stream(connection, aggregate_id, until)) as found:
            yield from found

    def stream_exists(self, transaction: Transaction, aggregate_id: UUID) -> bool:
        return bool(transaction.fetch(stream_with(aggregate_id), pending=True))

    def find_by_unique_key(self, transaction: Transaction, scope: str, key: Mapping[str, object]) -> UUID | None:
        if not is_storable(key):
            return None
        found = transaction.fetch(find_by_unique_key(scope, key), pending=True)
        return found[0][0] if found else None

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        for write in self._append.unique_keys(streams):
            transaction.write(write)

    def aggregate_ids(
        self, transaction: Transaction, types: Sequence[str] | None, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        with transaction.reading() as connection:
            return connection.scalars(aggregate_ids(types, after, limit)).all()

    def position_mark(self, transaction: Transaction) -> EventPosition:
        with transaction.reading() as connection:
            return self._positions.mark(connection)

    def events_since(
        self,
        transaction: Transaction,
        after: EventPosition | None,
        types: Sequence[str] | None = None,
        limit: int = 1_000,
    ) -> EventBatch:
        with transaction.reading() as connection:
            return self._positions.read(connection, after, types, limit)

    def update_partition_keys(self, transaction: Transaction, limit: int) -> int:
        with transaction.reading() as connection:
            found = partition_keys.waiting(connection, None, limit)
            return sum(partition_keys.make_change(self._dialect, connection, each.aggregate_id) for each in found)

    def delete_streams(self, transaction: Transaction, aggregate_ids: Collection[UUID]) -> Mapping[UUID, str]:
        with transaction.reading() as connection:
            return self._deletion.streams(connection, aggregate_ids).aggregates

    def register_types(self, transaction: Transaction) -> int:
        with transaction.reading() as connection:
            return sum(
                connection.execute(statement.executable.execution_options(preserve_rowcount=True), values).rowcount
                for statement, values in self._append.all_types()
            )
