"""Which projectors are active, how far their replays are, and where readers of events stand."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from sequent_sa.tables.column_types import BigId, PlainJSON, TextList, UtcDateTime
from sequent_sa.tables.schema import SCHEMA, metadata, moment

projector_states = Table(
    "projector_states",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("active_version", Integer()),
    Column("activating_version", Integer()),
    Column("replaying_version", Integer()),
    moment("created_at"),
    moment("updated_at"),
    Column("table_definitions", PlainJSON),  # ours: of the active version's tables, as its code had them
    CheckConstraint(
        "replaying_version IS NULL OR activating_version IS NULL", name="replaying_conflicts_with_activating"
    ),
)

REPLAY_STATES = (
    "created",
    "prepared",
    "replaying",
    "catching_up",
    "replayed",
    "optimized",
    "live",
    "failed",
    "aborted",
)
"""What `replay_states.state` may be."""

replay_states = Table(
    "replay_states",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("state", Text(), nullable=False),
    Column("projectors", TextList, nullable=False),
    Column("continue_replay_at_xact_id", BigInteger()),
    moment("created_at"),
    moment("updated_at"),
    Column("index_definitions", PlainJSON),
    Column("table_cluster_indexes", PlainJSON),
    # From here on ours: what it takes to go on after an interruption.
    Column("projector_versions", PlainJSON),
    Column("view_revision", Text()),
    Column("position_mark", Text()),  # loaded up to here
    Column("position_mark_until", Text()),  # the end of the window that is being loaded, and the last key loaded in it
    Column("last_command_id", BigInteger()),
    Column("last_aggregate_id", Uuid()),
    Column("last_sequence_number", Integer()),
    Column("error", PlainJSON),
    CheckConstraint(f"state IN ({', '.join(repr(state) for state in REPLAY_STATES)})", name="valid_replay_state"),
    Index(
        "replay_states_active_replay_idx",
        text("(true)"),
        unique=True,
        postgresql_where=text("state NOT IN ('live', 'aborted')"),
        sqlite_where=text("state NOT IN ('live', 'aborted')"),
    ),
    sqlite_autoincrement=True,
)

replay_groups = Table(
    "replay_groups",
    metadata,
    Column("replay_id", BigInteger(), nullable=False),
    Column("number", Integer(), nullable=False, autoincrement=False),
    Column("lower_partition_key", Text()),
    Column("lower_aggregate_id", Uuid()),
    Column("upper_partition_key", Text()),
    Column("upper_aggregate_id", Uuid()),
    Column("events", BigInteger(), nullable=False, server_default=text("0")),
    Column("finished_at", UtcDateTime()),
    PrimaryKeyConstraint("replay_id", "number", name="replay_groups_pkey"),
    ForeignKeyConstraint(
        ["replay_id"], [f"{SCHEMA}.replay_states.id"], "replay_groups_replay_id_fkey", ondelete="CASCADE"
    ),
)

store_state = Table(
    "store_state",
    metadata,
    Column("id", SmallInteger(), primary_key=True, autoincrement=False),
    Column("floor_command_id", BigInteger(), nullable=False, server_default=text("0")),
    Column("system_identifier", Text()),
    moment("updated_at"),
    CheckConstraint("id = 1", name="store_state_one_row"),
)
"""One row: up to which command transaction ids say nothing, and which cluster they are of."""

cursors = Table(
    "cursors",
    metadata,
    Column("name", Text(), primary_key=True),
    Column("position", PlainJSON, nullable=False),
    moment("updated_at"),
)
