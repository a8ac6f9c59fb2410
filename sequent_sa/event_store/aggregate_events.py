"""The queries for the events of aggregates: all of them, or those after the latest snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    null,
    select,
    type_coerce,
    union_all,
)

from sequent_sa.tables import aggregate_types, aggregates, event_types, events, snapshot_records
from sequent_sa.tables.column_types import AnyMoment

SNAPSHOT_TYPE = "sequent_sa.Snapshot"
"""What tells our snapshots from those of Sequent itself, which only Ruby can read."""

_taken = snapshot_records.c
_MOMENT = type_coerce(events.c.created_at, AnyMoment()).label("created_at")


def aggregate_events(which: ColumnElement[bool], *, with_ids: bool = True) -> Select[*tuple[Any, ...]]:
    """All events of some aggregates, aggregate by aggregate, in order. Without ids there is NULL in their place."""
    return (
        select(
            (aggregates.c.aggregate_id if with_ids else null()).label("aggregate_id"),
            aggregates.c.events_partition_key,
            aggregate_types.c.type.label("aggregate_type"),
            events.c.sequence_number,
            _MOMENT,
            event_types.c.type,
            cast(events.c.event_json, Text).label("data"),
        )
        .join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)
        .join(
            events,
            (events.c.partition_key == aggregates.c.events_partition_key)
            & (events.c.aggregate_id == aggregates.c.aggregate_id),
        )
        .join(event_types, event_types.c.id == events.c.event_type_id)
        .where(which)
        .order_by(aggregates.c.aggregate_id, events.c.sequence_number)
    )


def events_since_snapshots(
    which: ColumnElement[bool], versions: Mapping[str, int], *, with_ids: bool = True
) -> CompoundSelect[*tuple[Any, ...]]:
    """The latest snapshot of each aggregate, where there is one of its class's version, and the events after it.

    The rows are those of `aggregate_events`. A snapshot has no event type, and the number of the last event in it.
    """
    found = _with_latest_snapshot(which, versions)
    # SQLite sorts the rows of a UNION only by labels.
    shown_id = found.c.aggregate_id if with_ids else cast(null(), Uuid())
    aggregate = (shown_id.label("id"), found.c.events_partition_key, found.c.aggregate_type)
    event = (events.c.sequence_number.label("number"), _MOMENT, event_types.c.type)
    is_later = and_(
        events.c.partition_key == found.c.events_partition_key,
        events.c.aggregate_id == found.c.aggregate_id,
        events.c.sequence_number >= func.coalesce(found.c.number, 1),
    )
    later = select(*aggregate, *event, cast(events.c.event_json, Text).label("data")).select_from(
        found.join(events, is_later).join(event_types, event_types.c.id == events.c.event_type_id)
    )
    is_latest = and_(
        _taken.aggregate_id == found.c.aggregate_id,
        _taken.snapshot_version == found.c.version,
        _taken.sequence_number == found.c.number,
    )
    snapshot = (
        _taken.sequence_number - 1,
        type_coerce(_taken.created_at, AnyMoment()),
        cast(null(), Text),
        cast(_taken.snapshot_json, Text),
    )
    latest = select(*aggregate, *snapshot).select_from(found.join(snapshot_records, is_latest))
    return union_all(later, latest).order_by("id", "number")


def _with_latest_snapshot(which: ColumnElement[bool], versions: Mapping[str, int]) -> CTE:
    version = declared_version(versions)
    latest = select(func.max(_taken.sequence_number)).where(
        _taken.aggregate_id == aggregates.c.aggregate_id,
        _taken.snapshot_version == version,
        _taken.snapshot_type == SNAPSHOT_TYPE,
    )
    return (
        select(
            aggregates.c.aggregate_id,
            aggregates.c.events_partition_key,
            aggregate_types.c.type.label("aggregate_type"),
            version.label("version"),
            latest.correlate(aggregates, aggregate_types).scalar_subquery().label("number"),
        )
        .join(aggregate_types, aggregate_types.c.id == aggregates.c.aggregate_type_id)
        .where(which)
        .cte("found")
    )


def declared_version(versions: Mapping[str, int]) -> ColumnElement[int | None]:
    """The version of the snapshots that the class of an aggregate in `aggregate_types` reads; NULL for none."""
    if not versions:
        return cast(null(), Integer)
    return case(versions, value=aggregate_types.c.type)
