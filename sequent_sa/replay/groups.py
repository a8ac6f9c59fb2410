"""Cutting the store into portions of whole aggregates, of about equal size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from sequent_sa.dialects import Dialect
from sequent_sa.tables import event_types, events

STORE = 0
"""The number of the portion that is the whole store, in the order of commands."""


@dataclass(frozen=True, slots=True, order=True)
class Bound:
    """A place in the order of aggregates."""

    partition_key: str
    aggregate_id: UUID


@dataclass(frozen=True, slots=True)
class Group:
    """The aggregates from one bound (None: the first) up to, without, another (None: to the last)."""

    number: int
    lower: Bound | None = None
    upper: Bound | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """What holds for the events of this group."""
        place = tuple_(events.c.partition_key, events.c.aggregate_id)
        found: list[ColumnElement[bool]] = []
        if self.lower is not None:
            found.append(place >= _as_tuple(self.lower))
        if self.upper is not None:
            found.append(place < _as_tuple(self.upper))
        return found


def count_events(dialect: Dialect, connection: Connection, names: Collection[str]) -> Iterator[tuple[Bound, int]]:
    """The aggregates with events of these types, in order, each with their number."""
    columns = (events.c.partition_key, events.c.aggregate_id)
    statement = (
        select(*columns, func.count())
        .join(event_types, event_types.c.id == events.c.event_type_id)
        .where(event_types.c.type.in_(sorted(names)))
        .group_by(*columns)
        .order_by(*columns)
    )
    for row in dialect.stream_rows(connection, statement, 1_000):
        partition_key, aggregate_id, number = cast("tuple[str, UUID, int]", row)
        yield Bound(partition_key, aggregate_id), number


def cut(counted: Iterable[tuple[Bound, int]], target: int) -> list[Group]:
    """Groups of at least `target` events, but for the last; they have no gaps and cover everything."""
    bounds: list[Bound] = []
    size = 0
    for bound, count in counted:
        if size >= target:
            bounds.append(bound)
            size = 0
        size += count
    edges: list[Bound | None] = [None, *bounds, None]
    return [Group(number, edges[number - 1], edges[number]) for number in range(1, len(edges))]


def _as_tuple(bound: Bound) -> ColumnElement[Any]:
    return tuple_(
        bound.partition_key, bound.aggregate_id, types=[events.c.partition_key.type, events.c.aggregate_id.type]
    )
