"""The views that join type names back in, for people and tools that query. Read-only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, Uuid

from sequent_sa.tables.column_types import EncodedJSON, UtcDateTime
from sequent_sa.tables.schema import SCHEMA

# Apart from the tables' metadata, which would create them as tables.
_views = MetaData(schema=SCHEMA)

event_records = Table(
    "event_records",
    _views,
    Column("aggregate_id", Uuid, nullable=False),
    Column("partition_key", Text, nullable=False),
    Column("sequence_number", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("event_json", EncodedJSON, nullable=False),
    Column("command_record_id", BigInteger, nullable=False),
    Column("xact_id", BigInteger),
)

command_records = Table(
    "command_records",
    _views,
    Column("id", BigInteger, nullable=False),
    Column("user_id", Uuid),
    Column("aggregate_id", Uuid),
    Column("command_type", Text, nullable=False),
    Column("command_json", EncodedJSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("event_aggregate_id", Uuid),
    Column("event_sequence_number", Integer),
)

stream_records = Table(
    "stream_records",
    _views,
    Column("aggregate_id", Uuid, nullable=False),
    Column("events_partition_key", Text, nullable=False),
    Column("aggregate_type", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
