"""The facade of the event store: every method is one delegation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy import exists, select

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Dialect
from sequent_sa.event_store.append import Append, StreamAtVersion, StreamWithEvents
from sequent_sa.event_store.load import Load, aggregate_ids
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.event_store.unique_keys import find_by_unique_key, is_storable
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.tables import events


class EventStore(Protocol):
    """What the rest of the framework asks of an event store, with a database behind it or without."""

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        """Store a command and the events that it caused.

        The database may refuse them later, when the writes are sent: `OptimisticLockingError`, `SequenceNumberGap`,
        `AggregateKeyNotUnique`.
        """
        ...

    def load(
        self, transaction: Transaction, aggregate_ids: Collection[UUID], until: datetime | None = None
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        """The streams that exist, with their events in order; none from the moment `until` on."""
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


class SQLEventStore:
    """The event store in a database."""

    def __init__(self, dialect: Dialect, type_names: TypeNames) -> None:
        self._append = Append(dialect, type_names)
        self.reader = Load(dialect, type_names)

    def append(self, transaction: Transaction, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        for write in self._append.writes(command, streams):
            transaction.write(write)
        transaction.on_commit(lambda: self._append.remember_types(command, streams))

    def load(
        self, transaction: Transaction, aggregate_ids: Collection[UUID], until: datetime | None = None
    ) -> Sequence[tuple[EventStream, list[Event]]]:
        return list(self.reader.streams(transaction.fetch, aggregate_ids, until))

    def stream_exists(self, transaction: Transaction, aggregate_id: UUID) -> bool:
        with transaction.reading() as connection:
            return bool(connection.scalar(select(exists().where(events.c.aggregate_id == aggregate_id))))

    def find_by_unique_key(self, transaction: Transaction, scope: str, key: Mapping[str, object]) -> UUID | None:
        if not is_storable(key):
            return None
        with transaction.reading() as connection:
            return connection.scalar(find_by_unique_key(scope, key))

    def update_unique_keys(self, transaction: Transaction, streams: Sequence[StreamAtVersion]) -> None:
        for write in self._append.unique_keys(streams):
            transaction.write(write)

    def aggregate_ids(
        self, transaction: Transaction, types: Sequence[str] | None, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        with transaction.reading() as connection:
            return connection.scalars(aggregate_ids(types, after, limit)).all()
