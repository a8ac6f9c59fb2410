"""The event store: types, commands, aggregates, events, unique keys, and what became of them.

Names, types, keys and order of columns are Sequent's.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from sequent_sa.tables.column_types import BigId, EncodedJSON, SmallId, UtcDateTime, current_transaction_id
from sequent_sa.tables.schema import SCHEMA, metadata, moment


def _types(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("id", SmallId, Identity(), primary_key=True),
        Column("type", Text(), nullable=False),
        UniqueConstraint("type", name=f"{name}_type_key"),
        sqlite_autoincrement=True,
    )


command_types = _types("command_types")
aggregate_types = _types("aggregate_types")
event_types = _types("event_types")

commands = Table(
    "commands",
    metadata,
    Column("id", BigId, Identity(), primary_key=True),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("user_id", Uuid()),
    Column("aggregate_id", Uuid()),
    Column("command_type_id", SmallInteger(), nullable=False),
    Column("command_json", EncodedJSON(), nullable=False),
    Column("event_aggregate_id", Uuid()),
    Column("event_sequence_number", Integer()),
    ForeignKeyConstraint(
        ["command_type_id"], [f"{SCHEMA}.command_types.id"], "commands_command_type_id_fkey", onupdate="CASCADE"
    ),
    Index("commands_command_type_id_idx", "command_type_id"),
    Index("commands_aggregate_id_idx", "aggregate_id"),
    Index("commands_event_idx", "event_aggregate_id", "event_sequence_number"),
    postgresql_partition_by="RANGE (id)",
    # A reused id would repeat a position.
    sqlite_autoincrement=True,
)

aggregates = Table(
    "aggregates",
    metadata,
    Column("aggregate_id", Uuid(), primary_key=True),
    Column("events_partition_key", Text(), nullable=False, server_default=text("''")),
    Column("aggregate_type_id", SmallInteger(), nullable=False),
    moment("created_at"),
    UniqueConstraint("events_partition_key", "aggregate_id", name="aggregates_events_partition_key_aggregate_id_key"),
    ForeignKeyConstraint(
        ["aggregate_type_id"], [f"{SCHEMA}.aggregate_types.id"], "aggregates_aggregate_type_id_fkey", onupdate="CASCADE"
    ),
    Index("aggregates_aggregate_type_id_idx", "aggregate_type_id"),
    postgresql_partition_by="RANGE (aggregate_id)",
)

events = Table(
    "events",
    metadata,
    Column("aggregate_id", Uuid(), nullable=False),
    Column("partition_key", Text(), nullable=False, server_default=text("''")),
    Column("sequence_number", Integer(), nullable=False, autoincrement=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("command_id", BigId, nullable=False),
    Column("event_type_id", SmallInteger(), nullable=False),
    Column("event_json", EncodedJSON(), nullable=False),
    Column("xact_id", BigId, server_default=current_transaction_id()),
    PrimaryKeyConstraint("partition_key", "aggregate_id", "sequence_number", name="events_pkey"),
    ForeignKeyConstraint(
        ["partition_key", "aggregate_id"],
        [f"{SCHEMA}.aggregates.events_partition_key", f"{SCHEMA}.aggregates.aggregate_id"],
        "events_partition_key_aggregate_id_fkey",
        onupdate="CASCADE",
        ondelete="RESTRICT",
    ),
    ForeignKeyConstraint(
        ["command_id"],
        [f"{SCHEMA}.commands.id"],
        "events_command_id_fkey",
        onupdate="RESTRICT",
        ondelete="RESTRICT",
    ),
    ForeignKeyConstraint(
        ["event_type_id"], [f"{SCHEMA}.event_types.id"], "events_event_type_id_fkey", onupdate="CASCADE"
    ),
    Index("events_command_id_idx", "command_id"),
    Index("events_event_type_id_idx", "event_type_id"),
    Index("events_xact_id_idx", "xact_id"),
    postgresql_partition_by="RANGE (partition_key)",
)


def _aggregate_id_fkey(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["aggregate_id"], [f"{SCHEMA}.aggregates.aggregate_id"], name, onupdate="CASCADE", ondelete="CASCADE"
    )


aggregate_unique_keys = Table(
    "aggregate_unique_keys",
    metadata,
    Column("aggregate_id", Uuid(), nullable=False),
    Column("scope", Text(), nullable=False),
    Column("key", EncodedJSON(), nullable=False),
    PrimaryKeyConstraint("aggregate_id", "scope", name="aggregate_unique_keys_pkey"),
    UniqueConstraint("scope", "key", name="aggregate_unique_keys_scope_key_key"),
    _aggregate_id_fkey("aggregate_unique_keys_aggregate_id_fkey"),
)

partition_key_changes = Table(
    "partition_key_changes",
    metadata,
    Column("aggregate_id", Uuid(), primary_key=True),
    Column("old_partition_key", Text(), nullable=False),
    Column("new_partition_key", Text(), nullable=False),
    moment("created_at"),
    moment("updated_at"),
    _aggregate_id_fkey("aggregate_fk"),
)

aggregates_that_need_snapshots = Table(
    "aggregates_that_need_snapshots",
    metadata,
    Column("aggregate_id", Uuid(), nullable=False),
    Column("snapshot_sequence_number_high_water_mark", Integer()),
    Column("snapshot_outdated_at", UtcDateTime()),
    Column("snapshot_scheduled_at", UtcDateTime()),
    Column("snapshot_version", Integer(), nullable=False, autoincrement=False),
    PrimaryKeyConstraint("aggregate_id", "snapshot_version", name="aggregates_that_need_snapshots_pkey"),
    _aggregate_id_fkey("aggregates_that_need_snapshots_aggregate_id_fkey"),
)

_outdated = aggregates_that_need_snapshots.c
Index(
    "aggregates_that_need_snapshots_outdated_idx",
    _outdated.snapshot_outdated_at,
    _outdated.snapshot_sequence_number_high_water_mark.desc(),
    _outdated.aggregate_id,
    postgresql_where=_outdated.snapshot_outdated_at.is_not(None),
    sqlite_where=_outdated.snapshot_outdated_at.is_not(None),
)

snapshot_records = Table(
    "snapshot_records",
    metadata,
    Column("aggregate_id", Uuid(), nullable=False),
    Column("sequence_number", Integer(), nullable=False, autoincrement=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("snapshot_type", Text(), nullable=False),
    Column("snapshot_json", EncodedJSON(), nullable=False),
    Column("snapshot_version", Integer(), nullable=False, autoincrement=False),
    PrimaryKeyConstraint("aggregate_id", "snapshot_version", "sequence_number", name="snapshot_records_pkey"),
    ForeignKeyConstraint(
        ["aggregate_id", "snapshot_version"],
        [
            f"{SCHEMA}.aggregates_that_need_snapshots.aggregate_id",
            f"{SCHEMA}.aggregates_that_need_snapshots.snapshot_version",
        ],
        "snapshot_records_aggregate_id_snapshot_version_fkey",
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
)

saved_event_records = Table(
    "saved_event_records",
    metadata,
    Column("operation", String(1), nullable=False),
    Column("timestamp", UtcDateTime(), nullable=False),
    Column("user", Text(), nullable=False),
    Column("aggregate_id", Uuid(), nullable=False),
    Column("partition_key", Text(), server_default=text("''")),
    Column("sequence_number", Integer(), nullable=False, autoincrement=False),
    Column("created_at", UtcDateTime(), nullable=False),
    Column("command_id", BigId, nullable=False),
    Column("event_type", Text(), nullable=False),
    Column("event_json", EncodedJSON(), nullable=False),
    Column("xact_id", BigId),
    PrimaryKeyConstraint("aggregate_id", "sequence_number", "timestamp", name="saved_event_records_pkey"),
    CheckConstraint("operation IN ('U', 'D')", name="saved_event_records_operation_check"),
)
