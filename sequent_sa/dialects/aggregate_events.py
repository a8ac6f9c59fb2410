"""The query for the events of aggregates; how it is told which aggregates differs between the databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, select

from sequent_sa.tables import aggregate_types, aggregates, event_types, events


def aggregate_events(which: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """All events of some aggregates, aggregate by aggregate, in order."""
    return (
        select(
            aggregates.c.aggregate_id,
            aggregates.c.events_partition_key,
            aggregate_types.c.type.label("aggregate_type"),
            events.c.sequence_number,
            events.c.created_at,
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
