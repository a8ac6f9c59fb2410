"""Every table that the framework owns, as SQLAlchemy Core, and the column types for exact values.

`metadata.create_all()` makes what the migrations in `alembic/` make, views, triggers and functions included.
"""

from __future__ import annotations

from sequent_sa.tables.column_types import EncodedJSON, ExactDecimal, UtcDateTime
from sequent_sa.tables.event_tables import (
    aggregate_types,
    aggregate_unique_keys,
    aggregates,
    aggregates_that_need_snapshots,
    command_types,
    commands,
    event_types,
    events,
    partition_key_changes,
    saved_event_records,
    snapshot_records,
)
from sequent_sa.tables.projection_tables import cursors, projector_states, replay_groups, replay_states, store_state
from sequent_sa.tables.record_views import command_records, event_records, stream_records
from sequent_sa.tables.schema import SCHEMA, VIEW_SCHEMA, metadata
from sequent_sa.tables.views_and_triggers import attach

__all__ = [
    "SCHEMA",
    "VIEW_SCHEMA",
    "EncodedJSON",
    "ExactDecimal",
    "UtcDateTime",
    "aggregate_types",
    "aggregate_unique_keys",
    "aggregates",
    "aggregates_that_need_snapshots",
    "command_records",
    "command_types",
    "commands",
    "cursors",
    "event_records",
    "event_types",
    "events",
    "metadata",
    "partition_key_changes",
    "projector_states",
    "replay_groups",
    "replay_states",
    "saved_event_records",
    "snapshot_records",
    "store_state",
    "stream_records",
]

attach()
