"""Reading events back: of some aggregates, until a moment, or all that some projectors handle."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Text, Uuid, bindparam, exists, func, select, tuple_
from sqlalchemy import cast as as_text

from sequent_sa.aggregates.event_stream import EventStream
from sequent_sa.aggregates.snapshot import Snapshot, snapshot_versions
from sequent_sa.dialects import BoundStatement, Dialect, Statement, stream_rows
from sequent_sa.event_store.aggregate_events import aggregate_events, events_since_snapshots
from sequent_sa.messages.event import Event
from sequent_sa.messages.event_reader import EventReaders, event_reader
from sequent_sa.messages.type_names import TypeNames
from sequent_sa.tables import aggregate_types, aggregate_unique_keys, aggregates, event_types, events

Fetch = Callable[[BoundStatement], Sequence[Sequence[Any]]]

_ROWS_IN_MEMORY = 1_000
_AGGREGATES_A_QUERY = 500
_AGGREGATE_ORDER = (events.c.partition_key, events.c.aggregate_id, events.c.sequence_number)
_COMMAND_ORDER = (events.c.command_id, events.c.aggregate_id, events.c.sequence_number)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stands in the order in which commands were stored."""

    command_id: int
    aggregate_id: UUID
    sequence_number: int


class Load:
    """The queries of the event store. Retired events are left out of every answer."""

    def __init__(self, dialect: Dialect, type_names: TypeNames) -> None:
        self._dialect = dialect
        self._type_names = type_names
        self._readers = EventReaders(type_names)
        self._versions = snapshot_versions(type_names.aggregates)
        self._of_some = self._queries(dialect.among(aggregates.c.aggregate_id), with_ids=True)
        # The usual case has queries of its own: how many ids there will be is what a planner cannot know beforehand.
        # The id, which is known, would be the most of the work for each row.
        self._of_one = self._queries(dialect.is_one(aggregates.c.aggregate_id), with_ids=False)

    def streams(
        self,
        fetch: Fetch,
        aggregate_ids: Collection[UUID],
        *,
        until: datetime | None = None,
        snapshots: bool = True,
    ) -> Iterator[tuple[EventStream, list[Event]]]:
        """The events of each aggregate that exists, in order; `until` leaves out those from that moment on.

        A stream has the latest snapshot, and the events after it, unless it was asked for without snapshots or `until`.
        """
        ids = sorted(set(aggregate_ids))
        with_snapshots = snapshots and until is None and bool(self._versions)
        for start in range(0, len(ids), _AGGREGATES_A_QUERY):
            asked = ids[start : start + _AGGREGATES_A_QUERY]
            rows = fetch(self._query(asked, with_snapshots=with_snapshots))
            for aggregate_id, group in groupby(rows, key=itemgetter(0)) if len(asked) > 1 else _alone(asked[0], rows):
                stream, found = self._stream(aggregate_id, list(group), until)
                if found or stream.snapshot is not None:
                    yield stream, found

    def event(self, connection: Connection, aggregate_id: UUID, sequence_number: int) -> Event | None:
        """One event, None when there is none, or it is retired."""
        one = (aggregates.c.aggregate_id == aggregate_id) & (events.c.sequence_number == sequence_number)
        row = connection.execute(aggregate_events(one)).one_or_none()
        return None if row is None else self._readers[row.type](aggregate_id, sequence_number, row.created_at, row.data)

    def stream(
        self, connection: Connection, aggregate_id: UUID, until: datetime | None
    ) -> Generator[Event, None, None]:
        """The events of one aggregate, in order, before a moment. Holds a bounded number of them in memory."""
        statement = aggregate_events(aggregates.c.aggregate_id == aggregate_id)
        with closing(stream_rows(connection, statement, _ROWS_IN_MEMORY)) as rows:
            row: Any
            for row in rows:
                if until is not None and row.created_at >= until:
                    return
                event = self._readers[row.type](aggregate_id, row.sequence_number, row.created_at, row.data)
                if event is not None:
                    yield event

    def events(
        self,
        connection: Connection,
        type_names: Collection[str],
        *,
        after: str | None = None,
        until: str | None = None,
        where: Sequence[ColumnElement[bool]] = (),
    ) -> Generator[tuple[Position, Event], None, None]:
        """The events of some types that were committed between two position marks, in the order of commands.

        Holds a bounded number of them in memory.
        """
        conditions = (*self._dialect.committed_between(after, until), *where)
        statement = _positioned(type_names).where(*conditions).order_by(*_COMMAND_ORDER)
        with closing(stream_rows(connection, statement, _ROWS_IN_MEMORY)) as rows:
            for row in rows:
                position, event = self._positioned_event(row)
                if event is not None:
                    yield position, event

    def whole_aggregates(
        self,
        connection: Connection,
        type_names: Collection[str],
        until: str | None,
        where: Sequence[ColumnElement[bool]],
    ) -> Generator[Sequence[Event], None, None]:
        """Events of some types that were committed until a mark, aggregate by aggregate, a bounded number at a time.

        For reading very many: as fast as it can be done.
        """
        stored = connection.execute(
            select(event_types.c.id, event_types.c.type).where(event_types.c.type.in_(sorted(type_names)))
        )
        classes = {type_id: self._type_names.event_class(name) for type_id, name in stored}
        readers = {type_id: event_reader(class_) for type_id, class_ in classes.items() if class_ is not None}
        conditions = [*self._dialect.committed_between(None, until), *where]
        with closing(self._dialect.stream_events(connection, readers, conditions)) as found:
            portion: list[Event] = []
            for aggregate_id, rows in found:
                portion += [
                    readers[type_id](aggregate_id, number, created_at, data)
                    for number, created_at, type_id, data in rows
                ]
                if len(portion) >= _ROWS_IN_MEMORY:
                    yield portion
                    portion = []
            yield portion

    def window(
        self,
        connection: Connection,
        type_names: Collection[str] | None,
        *,
        after: str | None,
        until: str | None,
        where: Sequence[ColumnElement[bool]],
        limit: int,
    ) -> list[tuple[Position, Event | None]]:
        """The first events, in the order of commands, that were committed between two position marks.

        Of some types, or of all; None stands for a retired one.
        """
        conditions = (*self._dialect.committed_between(after, until), *where)
        statement = _positioned(type_names).where(*conditions).order_by(*_COMMAND_ORDER).limit(limit)
        return [self._positioned_event(row) for row in connection.execute(statement)]

    def _queries(self, which: ColumnElement[bool], *, with_ids: bool) -> dict[bool, Statement]:
        return {
            False: Statement(aggregate_events(which, with_ids=with_ids)),
            True: Statement(events_since_snapshots(which, self._versions, with_ids=with_ids)),
        }

    def _query(self, ids: Sequence[UUID], *, with_snapshots: bool) -> BoundStatement:
        if len(ids) == 1:
            return BoundStatement(self._of_one[with_snapshots], {"aggregate_id": ids[0]})
        return BoundStatement(self._of_some[with_snapshots], self._dialect.ids(ids))

    def _positioned_event(self, row: Any) -> tuple[Position, Event | None]:
        command_id, aggregate_id, number, created_at, name, data = row
        return Position(command_id, aggregate_id, number), self._readers[name](aggregate_id, number, created_at, data)

    def _stream(
        self, aggregate_id: UUID, rows: Sequence[Sequence[Any]], until: datetime | None
    ) -> tuple[EventStream, list[Event]]:
        _, partition_key, aggregate_type, *_ = rows[0]
        readers = self._readers
        found: list[Event] = []
        latest = 0
        snapshot: Snapshot | None = None
        for _, _, _, number, created_at, name, data in rows:
            if until is not None and created_at >= until:
                break
            latest = number
            if name is None:
                version = self._versions[aggregate_type]
                snapshot = Snapshot(aggregate_id, aggregate_type, version, number + 1, created_at, data)
                continue
            event = readers[name](aggregate_id, number, created_at, data)
            if event is not None:
                found.append(event)
        stream = EventStream(aggregate_type, aggregate_id, partition_key, snapshot=snapshot, sequence_number=latest)
        return stream, found


def _alone(aggregate_id: UUID, rows: Sequence[Sequence[Any]]) -> Iterable[tuple[UUID, Iterable[Sequence[Any]]]]:
    return [(aggregate_id, rows)] if rows else []


def count_events(
    type_names: Collection[str], conditions: Sequence[ColumnElement[bool]]
) -> Select[int, datetime | None]:
    """How many events of some types meet conditions, and when the first of them was made."""
    return (
        select(func.count(), func.min(events.c.created_at))
        .join(event_types, event_types.c.id == events.c.event_type_id)
        .where(event_types.c.type.in_(sorted(type_names)), *conditions)
    )


def behind(last: Position) -> ColumnElement[bool]:
    """Whether an event stands behind a position."""
    return tuple_(*_COMMAND_ORDER) > tuple_(last.command_id, last.aggregate_id, last.sequence_number)


def aggregate_ids(types: Sequence[str] | None, after: UUID | None, limit: int) -> Select[UUID]:
    """The ids of at most `limit` aggregates of some types (None: of all), in order, behind one."""
    statement = select(aggregates.c.aggregate_id).order_by(aggregates.c.aggregate_id).limit(limit)
    if types is not None:
        statement = statement.join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)
        statement = statement.where(aggregate_types.c.type.in_(types))
    return statement if after is None else statement.where(aggregates.c.aggregate_id > after)


# By its partition key: without it every partition would be looked through.
_events_of_aggregate = (events.c.aggregate_id == aggregates.c.aggregate_id) & (
    events.c.partition_key == aggregates.c.events_partition_key
)
_STREAM_WITH_EVENTS = Statement(
    select(aggregates.c.aggregate_id).where(
        aggregates.c.aggregate_id == bindparam("aggregate_id", type_=Uuid()), exists().where(_events_of_aggregate)
    )
)


def stream_with(aggregate_id: UUID) -> BoundStatement:
    """The id of an aggregate of which at least one event is stored, if this is one."""
    return BoundStatement(_STREAM_WITH_EVENTS, {"aggregate_id": aggregate_id})


def stream_exists(connection: Connection, aggregate_id: UUID) -> bool:
    """Whether at least one event of an aggregate is stored."""
    return connection.scalar(_STREAM_WITH_EVENTS.executable, {"aggregate_id": aggregate_id}) is not None


def find_event_stream(connection: Connection, aggregate_id: UUID) -> EventStream | None:
    """An aggregate, with its unique keys and the number of its latest event; None when there is none."""
    latest = (
        select(func.max(events.c.sequence_number))
        .where(
            events.c.partition_key == aggregates.c.events_partition_key,
            events.c.aggregate_id == aggregates.c.aggregate_id,
        )
        .scalar_subquery()
    )
    statement = (
        select(aggregate_types.c.type, aggregates.c.events_partition_key, func.coalesce(latest, 0))
        .join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)
        .where(aggregates.c.aggregate_id == aggregate_id)
    )
    found = connection.execute(statement).one_or_none()
    if found is None:
        return None
    keys = select(aggregate_unique_keys.c.scope, as_text(aggregate_unique_keys.c.key, Text))
    held = connection.execute(keys.where(aggregate_unique_keys.c.aggregate_id == aggregate_id))
    return EventStream(
        aggregate_type=found[0],
        aggregate_id=aggregate_id,
        events_partition_key=found[1],
        unique_keys={scope: json.loads(key) for scope, key in held},
        sequence_number=found[2],
    )


def _positioned(type_names: Collection[str] | None) -> Select[*tuple[Any, ...]]:
    statement = select(
        events.c.command_id,
        events.c.aggregate_id,
        events.c.sequence_number,
        events.c.created_at,
        event_types.c.type,
        as_text(events.c.event_json, Text).label("data"),
    ).join(event_types, event_types.c.id == events.c.event_type_id)
    return statement if type_names is None else statement.where(event_types.c.type.in_(sorted(type_names)))
