"""Storing a command and its events, in one go, at the expected versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Column, Table, Text, Uuid, bindparam, delete, exists, insert, select

from sequent_sa import _clock
from sequent_sa.aggregates.applied_event import AppliedEvent
from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.dialects import Dialect, EventRow, Failure, FailureKind, Statement
from sequent_sa.event_store import conflicts
from sequent_sa.event_store.record_hooks import RecordHooks, parameter
from sequent_sa.event_store.snapshots import mark_outdated, snapshot_marks
from sequent_sa.event_store.unique_keys import take_key, unique_key_writes
from sequent_sa.event_store.write import Explain, Write
from sequent_sa.exceptions import ConcurrencyError, SequentError
from sequent_sa.messages.codec import encode_command
from sequent_sa.messages.command import BaseCommand
from sequent_sa.messages.event import Event
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
"""A stream, and the new events of its aggregate in their order."""
StreamAtVersion = tuple[EventStream, int]
"""A stream and the number of its latest event."""


class Append:
    """Turns a command and its events into the statements that store them, in the order that avoids deadlocks."""

    def __init__(self, dialect: Dialect, type_names: TypeNames, hooks: RecordHooks) -> None:
        self._dialect = dialect
        self._type_names = type_names
        self._hooks = hooks
        self._store_command = _store_command(hooks)
        self._store_event = _store_event(dialect, hooks)
        self._stored_types: set[type[object] | str] = set()
        self._store_type = {
            table: _store_type(dialect, table) for table in (command_types, aggregate_types, event_types)
        }
        self._store_aggregate = _store_aggregate(dialect)
        self._take_key = take_key(dialect)
        self._mark_outdated = mark_outdated(dialect)
        self._change_partition_key = _change_partition_key(dialect)

    def writes(
        self, command: BaseCommand, streams: Sequence[StreamWithEvents], new_types: Collection[type[object] | str]
    ) -> Iterator[Write]:
        """The statements, to be sent in this order. Aggregates are written in the order of their ids."""
        ordered = sorted(streams, key=lambda stream: stream[0].aggregate_id)
        yield from self._types(new_types)
        yield self._command(command)
        yield from self._aggregates(ordered)
        for stream, applied in ordered:
            first, *behind_gaps = _without_gaps(applied)
            yield self._events(stream, first)
            for rest in behind_gaps:
                yield from self._known([(stream, rest)])
                yield self._events(stream, rest)
        yield from unique_key_writes(self._take_key, [stream for stream, _ in ordered])
        yield from snapshot_marks(self._mark_outdated, [stream for stream, _ in ordered])
        yield from self._partition_keys([stream for stream, _ in ordered if stream.partition_key_may_change])

    def unique_keys(self, streams: Sequence[StreamAtVersion]) -> Iterator[Write]:
        """The statements that make the stored keys those of the streams, if these are at their versions still."""
        ordered = sorted(streams, key=lambda stream: stream[0].aggregate_id)
        yield from self._at_versions(
            [(stream, version, conflicts.moved_on(stream, version)) for stream, version in ordered], appending=False
        )
        complete = [replace(stream, unique_keys=stream.unique_keys or {}) for stream, _ in ordered]
        yield from unique_key_writes(self._take_key, complete)

    def _at_versions(self, streams: Sequence[tuple[EventStream, int, Explain]], *, appending: bool) -> Iterator[Write]:
        for stream, version, explain in streams:
            check = self._dialect.check_version(stream.aggregate_id, version, appending=appending)
            if check is not None:
                yield Write(*check, explain)

    def all_types(self) -> Iterator[tuple[Statement, dict[str, object]]]:
        """The statements that store the name of each class of the application, unless it is stored."""
        names = self._type_names
        classes = {
            command_types: names.commands.values(),
            aggregate_types: names.aggregates.values(),
            event_types: names.events.values(),
        }
        for table, found in classes.items():
            for name in sorted({names.name_of(cls) for cls in found}):
                yield self._store_type[table], {"name": name}

    def new_types(self, command: BaseCommand, streams: Sequence[StreamWithEvents]) -> set[type[object] | str]:
        """The types that are used here and not known to be stored: classes of messages, names of aggregates."""
        used: set[type[object] | str] = {type(command)}
        for stream, applied in streams:
            used.add(stream.aggregate_type)
            used.update([type(event) for event, _ in applied])
        return used - self._stored_types

    def remember_types(self, types: Collection[type[object] | str]) -> None:
        """From now on these types are known to be stored: the transaction that used them has committed."""
        self._stored_types.update(types)

    def _types(self, types: Collection[type[object] | str]) -> Iterator[Write]:
        names: dict[Table, set[str]] = {command_types: set(), aggregate_types: set(), event_types: set()}
        for each in types:
            if isinstance(each, str):
                names[aggregate_types].add(each)
            else:
                names[event_types if issubclass(each, Event) else command_types].add(self._type_names.name_of(each))
        for table, found in names.items():
            for name in sorted(found):
                yield Write(self._store_type[table], {"name": name})

    def _forgetting_types(self, explain: Explain | None = None) -> Explain:
        # A database that was emptied under a running process lacks types that were stored before; the next try
        # stores them again.
        def forget(failure: Failure, error: BaseException) -> SequentError | None:
            self._stored_types.clear()
            if failure.kind is FailureKind.TYPE_MISSING:
                # What the database says quotes the row, and with it what somebody has sent.
                return ConcurrencyError(
                    "a type that was stored before is gone, so the database was emptied or restored: "
                    "execute the command again"
                )
            return explain(failure, error) if explain is not None else None

        return forget

    def _command(self, command: BaseCommand) -> Write:
        row = {
            # By its type there always is one, but nobody checks what `evolve` is given.
            "created_at": getattr(command, "created_at", None) or _clock.now(),
            "user_id": command.user_id,
            "aggregate_id": getattr(command, "aggregate_id", None),
            "command_json": encode_command(command),
            "event_aggregate_id": command.event_aggregate_id,
            "event_sequence_number": command.event_sequence_number,
            "type": self._type_names.name_of(type(command)),
            **self._hooks.of_command(command),
        }
        return Write(self._store_command, row, self._forgetting_types(self._hooks.explain))

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
            yield Write(self._store_aggregate, new, self._forgetting_types())
        # Nothing can be missing before the first event, and a second first event violates the primary key.
        yield from self._known(
            [(stream, applied) for stream, applied in streams if applied[0].event.sequence_number > 1]
        )

    def _known(self, streams: Sequence[StreamWithEvents]) -> Iterator[Write]:
        expected = [
            (stream, applied[0].event.sequence_number - 1, conflicts.appending(stream, applied))
            for stream, applied in streams
        ]
        yield from self._at_versions(expected, appending=True)

    def _events(self, stream: EventStream, applied: Sequence[AppliedEvent]) -> Write:
        name_of = self._type_names.name_of
        rows = [
            EventRow(event.sequence_number, event.created_at, name_of(type(event)), data) for event, data in applied
        ]
        explain = self._forgetting_types(conflicts.appending(stream, applied))
        if not self._hooks.events:
            return Write(*self._dialect.insert_events(stream.aggregate_id, rows), explain)
        values = [
            {"of": stream.aggregate_id, **row._asdict(), **self._hooks.of_event(event)}
            for row, (event, _) in zip(rows, applied, strict=True)
        ]
        return Write(self._store_event, values, conflicts.first_of(self._hooks.explain, explain))

    def _partition_keys(self, streams: Sequence[EventStream]) -> Iterator[Write]:
        for stream in streams:
            values = {"of": stream.aggregate_id, "wanted": stream.events_partition_key}
            yield Write(self._change_partition_key, {**values, "moment": _clock.now()})
            yield Write(_KEEP_PARTITION_KEY, values)


def _without_gaps(applied: Sequence[AppliedEvent]) -> list[list[AppliedEvent]]:
    # The events of an aggregate have no gaps; those of anybody else may.
    found: list[list[AppliedEvent]] = []
    following = 0
    for each in applied:
        number = each.event.sequence_number
        if not found or number > following:
            found.append([])
        found[-1].append(each)
        following = number + 1
    return found


def _type_id(table: Table) -> object:
    return select(table.c.id).where(table.c.type == bindparam("type", type_=Text())).scalar_subquery()


def _values_of(table: Table, *names: str) -> dict[str, BindParameter[Any]]:
    return {name: bindparam(name, type_=table.c[name].type) for name in names}


_of = bindparam("of", type_=Uuid())
_wanted = bindparam("wanted", type_=Text())

_KEEP_PARTITION_KEY = Statement(
    delete(partition_key_changes).where(
        partition_key_changes.c.aggregate_id == _of, partition_key_changes.c.old_partition_key == _wanted
    )
)


def _store_command(hooks: RecordHooks) -> Statement:
    stored = ("created_at", "user_id", "aggregate_id", "command_json", "event_aggregate_id", "event_sequence_number")
    return Statement(
        insert(hooks.commands_table).values(
            **_values_of(commands, *stored), **_own_values(hooks.commands), command_type_id=_type_id(command_types)
        )
    )


def _store_event(dialect: Dialect, hooks: RecordHooks) -> Statement:
    key = select(aggregates.c.events_partition_key).where(aggregates.c.aggregate_id == _of).scalar_subquery()
    return Statement(
        insert(hooks.events_table).values(
            aggregate_id=_of,
            partition_key=key,
            command_id=dialect.current_command_id(),
            event_type_id=_type_id(event_types),
            event_json=bindparam("data", type_=events.c.event_json.type),
            **_values_of(events, "sequence_number", "created_at"),
            **_own_values(hooks.events),
        )
    )


def _own_values(hooks: Iterable[Column[Any]]) -> dict[str, BindParameter[Any]]:
    return {column.name: bindparam(parameter(column.name), type_=column.type) for column in hooks}


def _store_type(dialect: Dialect, table: Table) -> Statement:
    # Asking first keeps the small ids from being used up by conflicts.
    name = bindparam("name", type_=Text())
    new = select(name).where(~exists(select(table.c.id).where(table.c.type == name)))
    return Statement(dialect.insert(table).from_select(["type"], new).on_conflict_do_nothing())


def _store_aggregate(dialect: Dialect) -> Statement:
    return Statement(
        dialect.insert(aggregates)
        .values(
            **_values_of(aggregates, "aggregate_id", "events_partition_key", "created_at"),
            aggregate_type_id=_type_id(aggregate_types),
        )
        .on_conflict_do_nothing(index_elements=["aggregate_id"])
    )


def _change_partition_key(dialect: Dialect) -> Statement:
    stored = aggregates.c.events_partition_key
    change = select(
        aggregates.c.aggregate_id, stored, _wanted, bindparam("moment", type_=partition_key_changes.c.updated_at.type)
    ).where(aggregates.c.aggregate_id == _of, stored != _wanted)
    statement = dialect.insert(partition_key_changes).from_select(
        ["aggregate_id", "old_partition_key", "new_partition_key", "updated_at"], change
    )
    excluded = statement.excluded
    return Statement(
        statement.on_conflict_do_update(
            index_elements=["aggregate_id"],
            set_={"new_partition_key": excluded.new_partition_key, "updated_at": excluded.updated_at},
        )
    )
