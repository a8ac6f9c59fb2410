"""Storing a command and its events, in one go, at the expected versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Table, bindparam, delete, exists, insert, literal, select

from sequent_sa import _clock
from sequent_sa.aggregates.aggregate_root import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Dialect, Failure, FailureKind
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.unique_keys import unique_key_writes
from sequent_sa.event_store.write import Explain, Write
from sequent_sa.exceptions import ConcurrencyError, SequentError
from sequent_sa.messages.codec import encode_command
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.tables import (
    aggregate_types,
    aggregates,
    command_types,
    commands,
    event_types,
    events,
    partition_key_changes,
)

StreamWithEvents = tuple[EventStream, Sequence[AppliedEvent]]


class Append:
    """Turns a command and its events into the statements that store them, in the order that avoids deadlocks."""

    def __init__(self, dialect: Dialect, type_names: TypeNames) -> None:
        self._dialect = dialect
        self._type_names = type_names
        self._stored_types: set[tuple[str, str]] = set()

    def writes(self, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> Iterator[Write]:
        """The statements, to be sent in this order. Aggregates are written in the order of their ids."""
        ordered = sorted(streams, key=lambda stream: stream[0].aggregate_id)
        yield from self._types(command, ordered)
        yield self._command(command)
        yield from self._aggregates(ordered)
        for stream, applied in ordered:
            yield self._events(stream, applied)
        yield from unique_key_writes(self._dialect, [stream for stream, _ in ordered])
        yield from self._partition_keys([stream for stream, applied in ordered if applied[0].event.sequence_number > 1])

    def remember_types(self, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> None:
        """From now on these types are known to be stored: the transaction that used them has committed."""
        self._stored_types.update((table.name, name) for table, name in self._used_types(command, streams))

    def _types(self, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> Iterator[Write]:
        for table, name in self._used_types(command, streams):
            if (table.name, name) not in self._stored_types:
                yield self._type(table, name)

    def _used_types(self, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> Iterator[tuple[Table, str]]:
        name_of = self._type_names.name_of
        yield command_types, name_of(type(command))
        for name in sorted({stream.aggregate_type for stream, _ in streams}):
            yield aggregate_types, name
        for name in sorted({name_of(type(applied.event)) for _, events_ in streams for applied in events_}):
            yield event_types, name

    def _forgetting_types(self, explain: Explain | None = None) -> Explain:
        # A database that was emptied under a running process lacks types that were stored before; the next try
        # stores them again.
        def forget(failure: Failure, error: BaseException) -> SequentError | None:
            self._stored_types.clear()
            if failure.kind is FailureKind.VALUE_MISSING:
                return ConcurrencyError(
                    f"a type that was stored before is gone, so the database was emptied or restored ({error}); "
                    "execute the command again"
                )
            return explain(failure, error) if explain is not None else None

        return forget

    def _type(self, table: Table, name: str) -> Write:
        # Asking first keeps the small ids from being used up by conflicts.
        new = select(literal(name)).where(~exists(select(table.c.id).where(table.c.type == name)))
        return Write(self._dialect.insert(table).from_select(["type"], new).on_conflict_do_nothing())

    def _command(self, command: BaseCommand) -> Write:
        row = {
            "created_at": command.created_at,
            "user_id": command.user_id,
            "aggregate_id": getattr(command, "aggregate_id", None),
            "command_json": encode_command(command),
            "event_aggregate_id": command.event_aggregate_id,
            "event_sequence_number": command.event_sequence_number,
            "type": self._type_names.name_of(type(command)),
        }
        return Write(insert(commands).values(command_type_id=_type_id(command_types)), row, self._forgetting_types())

    def _aggregates(self, streams: Sequence[StreamWithEvents]) -> Iterator[Write]:
        new = [
            {
                "aggregate_id": stream.aggregate_id,
                "events_partition_key": stream.events_partition_key,
                "created_at": applied[0].event.created_at,
                "type": stream.aggregate_type,
            }
            for stream, applied in streams
            if applied[0].event.sequence_number == 1
        ]
        if new:
            statement = self._dialect.insert(aggregates).values(aggregate_type_id=_type_id(aggregate_types))
            statement = statement.on_conflict_do_nothing(index_elements=["aggregate_id"])
            yield Write(statement, new, self._forgetting_types())
        lock = self._dialect.lock_aggregates([stream.aggregate_id for stream, _ in streams])
        if lock is not None:
            yield Write(lock)
        for stream, applied in streams:
            check = self._dialect.check_version(stream.aggregate_id, applied[0].event.sequence_number - 1)
            if check is not None:
                yield Write(check, explain=conflicts.appending(stream, applied))

    def _events(self, stream: EventStream, applied: Sequence[AppliedEvent]) -> Write:
        # The key under which the aggregate's events are kept is the stored one, until a change of key is carried out.
        stored_key = select(aggregates.c.events_partition_key).where(
            aggregates.c.aggregate_id == bindparam("aggregate_id", type_=aggregates.c.aggregate_id.type)
        )
        statement = insert(events).values(
            partition_key=stored_key.scalar_subquery(),
            aggregate_id=bindparam("aggregate_id"),
            command_id=self._dialect.current_command_id(),
            event_type_id=_type_id(event_types),
        )
        rows = [
            {
                "aggregate_id": stream.aggregate_id,
                "sequence_number": event.sequence_number,
                "created_at": event.created_at,
                "event_json": data,
                "type": self._type_names.name_of(type(event)),
            }
            for event, data in applied
        ]
        return Write(statement, rows, self._forgetting_types(conflicts.appending(stream, applied)))

    def _partition_keys(self, streams: Sequence[EventStream]) -> Iterator[Write]:
        for stream in streams:
            stored = aggregates.c.events_partition_key
            change = select(
                aggregates.c.aggregate_id, stored, literal(stream.events_partition_key), literal(_clock.now())
            ).where(aggregates.c.aggregate_id == stream.aggregate_id, stored != stream.events_partition_key)
            statement = self._dialect.insert(partition_key_changes).from_select(
                ["aggregate_id", "old_partition_key", "new_partition_key", "updated_at"], change
            )
            excluded = statement.excluded
            yield Write(
                statement.on_conflict_do_update(
                    index_elements=["aggregate_id"],
                    set_={"new_partition_key": excluded.new_partition_key, "updated_at": excluded.updated_at},
                )
            )
            back = delete(partition_key_changes).where(
                partition_key_changes.c.aggregate_id == stream.aggregate_id,
                partition_key_changes.c.old_partition_key == stream.events_partition_key,
            )
            yield Write(back)


def _type_id(table: Table) -> object:
    return select(table.c.id).where(table.c.type == bindparam("type")).scalar_subquery()
