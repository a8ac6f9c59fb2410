"""Where command handlers find aggregates: each id once in a unit of work."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, overload
from uuid import UUID

from sequent_sa.aggregates.aggregate_root import AggregateRoot
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot
from sequent_sa.event_store.append import StreamWithEvents
from sequent_sa.event_store.event_store import EventStore
from sequent_sa.event_store.transaction import Transaction
from sequent_sa.exceptions import AggregateNotFound, AggregateTypeMismatch, NonUniqueAggregateId, SnapshotNotReadable
from sequent_sa.ids import require_uuid
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.unit_of_work.unit_of_work import UnitOfWork
from sequent_sa.unit_of_work.units_of_work import UnitsOfWork

A = TypeVar("A", bound=AggregateRoot)

logger = logging.getLogger(__name__)


class AggregateRepository:
    """Creates and loads aggregates, and hands their events to the store.

    Inside a unit of work two loads of one id give the same instance. Outside, aggregates are for reading: their
    `apply` raises `AggregateIsDetached`.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        event_store: EventStore,
        type_names: TypeNames,
        store_commands_without_events: bool = False,
    ) -> None:
        self._units = units
        self._store = event_store
        self._type_names = type_names
        self._stores_every_command = store_commands_without_events

    def add_aggregate(self, aggregate: AggregateRoot) -> None:
        """Make a new aggregate part of the unit of work.

        Raises `NonUniqueAggregateId` when another instance with this id is part of it, `UnitOfWorkError` outside one.
        """
        if not isinstance(aggregate, AggregateRoot):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"an aggregate is needed, not {aggregate!r}")
        known = self._units.current().aggregates.setdefault(aggregate.aggregate_id, aggregate)
        if known is not aggregate:
            raise NonUniqueAggregateId(aggregate.aggregate_id)

    @overload
    def load_aggregate(self, aggregate_id: UUID, *, until: datetime | None = None) -> AggregateRoot: ...
    @overload
    def load_aggregate(self, aggregate_id: UUID, aggregate_type: type[A], *, until: datetime | None = None) -> A: ...
    def load_aggregate(
        self, aggregate_id: UUID, aggregate_type: type[Any] = AggregateRoot, *, until: datetime | None = None
    ) -> Any:
        """The aggregate with this id, as it is now or, detached, as it was just before the moment `until`.

        Raises `AggregateNotFound`, and `AggregateTypeMismatch` when it is not an `aggregate_type`.
        """
        (aggregate,) = self.load_aggregates([aggregate_id], aggregate_type, until=until)
        return aggregate

    @overload
    def load_aggregates(
        self, aggregate_ids: Collection[UUID], *, until: datetime | None = None
    ) -> list[AggregateRoot]: ...
    @overload
    def load_aggregates(
        self, aggregate_ids: Collection[UUID], aggregate_type: type[A], *, until: datetime | None = None
    ) -> list[A]: ...
    def load_aggregates(
        self,
        aggregate_ids: Collection[UUID],
        aggregate_type: type[Any] = AggregateRoot,
        *,
        until: datetime | None = None,
    ) -> list[Any]:
        """The aggregates with these ids, in the order asked, each once.

        Raises `AggregateNotFound` with all ids that are missing, and `AggregateTypeMismatch`; then none is remembered.
        """
        if until is not None and until.tzinfo is None:
            raise ValueError(
                f"until={until!r} has no timezone: give an aware datetime, such as datetime(..., tzinfo=UTC)"
            )
        wanted = list(dict.fromkeys(aggregate_ids))
        for id_ in wanted:
            require_uuid(id_)
        unit = self._units.find() if until is None else None
        known: Mapping[UUID, AggregateRoot] = unit.aggregates if unit is not None else {}
        loaded = self._load([id_ for id_ in wanted if id_ not in known], until, unit)
        missing = [id_ for id_ in wanted if id_ not in known and id_ not in loaded]
        if missing:
            raise AggregateNotFound(missing)
        found: list[AggregateRoot] = []
        for id_ in wanted:
            aggregate = known[id_] if id_ in known else loaded[id_]
            if not isinstance(aggregate, aggregate_type):
                raise AggregateTypeMismatch(id_, type(aggregate), aggregate_type)
            found.append(aggregate)
        self._remember(unit, [aggregate for aggregate in found if aggregate.aggregate_id in loaded])
        return found

    @overload
    def find_aggregate(self, aggregate_id: UUID) -> AggregateRoot | None: ...
    @overload
    def find_aggregate(self, aggregate_id: UUID, aggregate_type: type[A]) -> A | None: ...
    def find_aggregate(self, aggregate_id: UUID, aggregate_type: type[Any] = AggregateRoot) -> Any:
        """Like `load_aggregate`, but None when there is no such aggregate."""
        try:
            return self.load_aggregate(aggregate_id, aggregate_type)
        except AggregateNotFound:
            return None

    @overload
    def find_aggregate_by_unique_key(self, scope: str, key: Mapping[str, object]) -> AggregateRoot | None: ...
    @overload
    def find_aggregate_by_unique_key(
        self, scope: str, key: Mapping[str, object], aggregate_type: type[A]
    ) -> A | None: ...
    def find_aggregate_by_unique_key(
        self, scope: str, key: Mapping[str, object], aggregate_type: type[Any] = AggregateRoot
    ) -> Any:
        """The aggregate that holds a unique key, None when nobody does."""
        with self._units.reading() as transaction:
            aggregate_id = self._store.find_by_unique_key(transaction, scope, key)
        return None if aggregate_id is None else self.load_aggregate(aggregate_id, aggregate_type)

    def contains_aggregate(self, aggregate_id: UUID) -> bool:
        """Whether the aggregate is part of the unit of work, or has events in the store."""
        require_uuid(aggregate_id)
        unit = self._units.find()
        if unit is not None and aggregate_id in unit.aggregates:
            return True
        with self._units.reading() as transaction:
            return self._store.stream_exists(transaction, aggregate_id)

    def ensure_exists(self, aggregate_id: UUID, aggregate_type: type[AggregateRoot] = AggregateRoot) -> bool:
        """True, or `AggregateNotFound` or `AggregateTypeMismatch`."""
        self.load_aggregate(aggregate_id, aggregate_type)
        return True

    def commit(self, command: BaseCommand) -> list[Event]:
        """Store a command with all events that were applied since the last commit, and return those events.

        Events are grouped by aggregate, in the order in which the aggregates were added or loaded. A command that
        changed nothing is not stored, unless every command is.
        """
        changed = self.take_changes()
        if changed or self._stores_every_command:
            self._store.append(self._units.current().transaction, command, changed)
        return [applied.event for _, events in changed for applied in events]

    def update_unique_keys(self, aggregate_ids: Collection[UUID]) -> None:
        """Store the unique keys that these aggregates have by the present code; those that do not exist are left out.

        In the current unit of work, at whose end it may turn out that a key is taken (`AggregateKeyNotUnique`), or that
        an aggregate has changed meanwhile (`OptimisticLockingError`).
        """
        aggregates = self._load(list(aggregate_ids), None, self._units.find()).values()
        name_of = self._type_names.name_of
        streams = [(each.event_stream(name_of(type(each))), each.version) for each in aggregates]
        self._store.update_unique_keys(self._units.current().transaction, streams)

    def take_snapshot(self, aggregate_id: UUID) -> Snapshot:
        """The state of an aggregate as all of its stored events make it; earlier snapshots are not read.

        Raises `AggregateNotFound`, `AggregateError` for a class without snapshots, and `StateNotSerializable`.
        """
        require_uuid(aggregate_id)
        with self._units.reading() as transaction:
            stream = self._store.find_event_stream(transaction, aggregate_id)
            if stream is None:
                raise AggregateNotFound([aggregate_id])
            aggregate = self._rebuild(stream, self._store.stream_events(transaction, aggregate_id))
        return aggregate.take_snapshot(stream.aggregate_type)

    def take_changes(self) -> list[StreamWithEvents]:
        """The streams of the aggregates that have new events, with these events; the aggregates have none then."""
        name_of = self._type_names.name_of
        return [
            (aggregate.event_stream(name_of(type(aggregate))), applied)
            for aggregate in self._units.current().aggregates.values()
            if (applied := aggregate.take_uncommitted_events())
        ]

    def _load(
        self, aggregate_ids: Sequence[UUID], until: datetime | None, unit: UnitOfWork | None
    ) -> dict[UUID, AggregateRoot]:
        if not aggregate_ids:
            return {}
        held = unit.contended.intersection(aggregate_ids) if unit is not None and unit.contended else ()
        with self._units.reading() as transaction:
            streams = self._store.load(transaction, aggregate_ids, until=until, held=held)
            return {stream.aggregate_id: self._rebuilt(transaction, stream, events) for stream, events in streams}

    def _rebuilt(self, transaction: Transaction, stream: EventStream, events: Sequence[Event]) -> AggregateRoot:
        try:
            return self._rebuild(stream, events)
        except SnapshotNotReadable as error:
            about = {"aggregate_id": stream.aggregate_id, "aggregate_type": stream.aggregate_type}
            names = stream.aggregate_type, stream.aggregate_id
            logger.warning(
                "the snapshot of %s %s cannot be read: loaded from all of its events instead", *names, extra=about
            )
            logger.debug("why the snapshot of %s %s cannot be read", *names, exc_info=error, extra=about)
            ((stream, events),) = self._store.load(transaction, [stream.aggregate_id], snapshots=False)
            return self._rebuild(stream, events)

    def _rebuild(self, stream: EventStream, events: Iterable[Event]) -> AggregateRoot:
        aggregate_type: type[AggregateRoot] = self._type_names.aggregate_class(stream.aggregate_type)
        return aggregate_type.load_from_history(stream, events)

    @staticmethod
    def _remember(unit: UnitOfWork | None, loaded: Sequence[AggregateRoot]) -> None:
        if unit is not None:
            unit.aggregates.update({aggregate.aggregate_id: aggregate for aggregate in loaded})
            return
        for aggregate in loaded:
            aggregate.detach()
