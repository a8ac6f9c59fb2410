"""Cutting the store into portions of whole aggregates, of about equal size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, FromClause, Select, func, select, tuple_

from sequent_sa.dialects import Dialect, stream_rows
from sequent_sa.tables import event_types, events

STORE = 0
"""The number of the portion that is the whole store, in the order of commands."""


_MOST_COUNTED = 100_000
_SAMPLES_A_GROUP = 500
_MOST_SAMPLES = 100_000  # what is held of the store while planning must not grow with it


@dataclass(frozen=True, slots=True, order=True)
class Bound:
    """A place in the order of aggregates."""

    partition_key: str
    aggregate_id: UUID


@dataclass(frozen=True, slots=True)
class Group:
    """The aggregates from one bound (None: the first) up to, without, another (None: to the last).

    `events` is their number, which may be an estimate.
    """

    number: int
    lower: Bound | None = None
    upper: Bound | None = None
    events: int = 0

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds for the events of this group."""
        if self.lower is not None and self.upper is not None and self.lower.partition_key == self.upper.partition_key:
            # The same, so that the database need not compare partition keys to know the order.
            ids = events.c.aggregate_id
            inside = (ids >= self.lower.aggregate_id, ids < self.upper.aggregate_id)
            return [events.c.partition_key == self.lower.partition_key, *inside]
        place = tuple_(events.c.partition_key, events.c.aggregate_id)
        found: list[ColumnElement[bool]] = []
        if self.lower is not None:
            found.append(place >= _as_tuple(self.lower))
        if self.upper is not None:
            found.append(place < _as_tuple(self.upper))
        return found


def whole_store(dialect: Dialect, connection: Connection, names: Collection[str]) -> Group:
    """The portion that is everything, in the order of commands."""
    return Group(STORE, events=dialect.estimated_rows(connection, _events_of(events, names)))


def planned(
    dialect: Dialect, connection: Connection, names: Collection[str], group_size: int, least: int
) -> list[Group]:
    """Groups of about equal numbers of events of these types: at least `least`, and none much above `group_size`.

    An aggregate is never divided, so that there can be fewer groups, and larger ones.
    """
    estimate = dialect.estimated_rows(connection, _events_of(events, names))
    counted = (
        list(count_events(connection, names))
        if estimate <= _MOST_COUNTED
        else _sampled(dialect, connection, names, _samples(max(least, estimate // group_size)))
    )
    total = sum(count for _, count in counted)
    return cut(counted, min(group_size, max(1, ceil(total / least))))


def _samples(groups: int) -> int:
    return min(_MOST_SAMPLES, groups * _SAMPLES_A_GROUP)


def _sampled(dialect: Dialect, connection: Connection, names: Collection[str], number: int) -> list[tuple[Bound, int]]:
    some, share = dialect.sampled_events(connection, number)
    statement = _events_of(some, names).order_by(some.c.partition_key, some.c.aggregate_id)
    found = [Bound(partition_key, aggregate_id) for partition_key, aggregate_id in connection.execute(statement)]
    return [(bound, round(len(list(same)) / share)) for bound, same in groupby(found)]


def _events_of(some: FromClause, names: Collection[str]) -> Select[str, UUID]:
    return (
        select(some.c.partition_key, some.c.aggregate_id)
        .join(event_types, event_types.c.id == some.c.event_type_id)
        .where(event_types.c.type.in_(sorted(names)))
    )


def count_events(connection: Connection, names: Collection[str]) -> Iterator[tuple[Bound, int]]:
    """The aggregates with events of these types, in order, each with their number."""
    columns = (events.c.partition_key, events.c.aggregate_id)
    statement = (
        select(*columns, func.count())
        .join(event_types, event_types.c.id == events.c.event_type_id)
        .where(event_types.c.type.in_(sorted(names)))
        .group_by(*columns)
        .order_by(*columns)
    )
    for row in stream_rows(connection, statement, 1_000):
        partition_key, aggregate_id, number = cast("tuple[str, UUID, int]", row)
        yield Bound(partition_key, aggregate_id), number


def cut(counted: Iterable[tuple[Bound, int]], target: int) -> list[Group]:
    """Groups of at least `target` events, but for the last; they have no gaps and cover everything."""
    bounds: list[Bound | None] = [None]
    sizes = [0]
    for bound, count in counted:
        if sizes[-1] >= target:
            bounds.append(bound)
            sizes.append(0)
        sizes[-1] += count
    edges = [*bounds, None]
    return [Group(number, edges[number - 1], edges[number], sizes[number - 1]) for number in range(1, len(edges))]


def _as_tuple(bound: Bound) -> ColumnElement[Any]:
    return tuple_(
        bound.partition_key, bound.aggregate_id, types=[events.c.partition_key.type, events.c.aggregate_id.type]
    )
