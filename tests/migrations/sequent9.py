"""Databases as Sequent 9 makes, fills and reads them.

`LikeSequent` is written from facts: its tables are ours without what is ours only, its rows are what Sequent stores.
`RealSequent` is made by the `db/structure.sql` of Sequent itself, whose procedures fill and read it; the path of that
file is given by SEQUENT_REFERENCE_SQL, and the file is no part of this repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from sequent_sa.database import EVENT_STORE_VERSION_TABLE
from tests.databases import PostgreSQLDatabases

REFERENCE_SQL = "SEQUENT_REFERENCE_SQL"

Json = Mapping[str, Any]
Streams = Sequence[tuple[Json, Sequence[Json]]]


class Loaded(NamedTuple):
    """One row of what Sequent loads an aggregate from: a snapshot has the number 0."""

    aggregate_type: str
    partition_key: str
    number: int
    type: str
    json: Json


class Sequent9(Protocol):
    """What a Ruby application does with its event store."""

    url: str

    @property
    def engine(self) -> Engine:
        """Connections that know nothing of each other."""
        ...

    def store_events(self, connection: Connection, command: Json, streams: Streams) -> None:
        """Store a command with its events."""
        ...

    def store_snapshot(self, connection: Connection, snapshot: Json) -> None:
        """Keep a snapshot."""
        ...

    def load_events(self, connection: Connection, aggregate_id: UUID, versions: Mapping[str, int]) -> list[Loaded]:
        """Load an aggregate, by the snapshot of its type's version if there is one."""
        ...

    def load_event(self, connection: Connection, aggregate_id: UUID, number: int) -> Loaded | None:
        """Load one event."""
        ...


class RealSequent:
    """Made, filled and read by Sequent's own SQL."""

    def __init__(self, databases: PostgreSQLDatabases) -> None:
        self.url = databases.create().url
        self.engine = create_engine(self.url, poolclass=NullPool)
        with self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(Path(os.environ[REFERENCE_SQL]).read_text(encoding="utf-8"))
            driver.commit()

    def store_events(self, connection: Connection, command: Json, streams: Streams) -> None:
        self._call(connection, "CALL sequent_schema.store_events(:command, :streams)", command=command, streams=streams)

    def store_snapshot(self, connection: Connection, snapshot: Json) -> None:
        self._call(connection, "CALL sequent_schema.store_snapshots(:snapshots)", snapshots=[snapshot])

    def load_events(self, connection: Connection, aggregate_id: UUID, versions: Mapping[str, int]) -> list[Loaded]:
        rows = self._call(
            connection,
            "SELECT * FROM sequent_schema.load_events(:ids, TRUE, NULL, :versions)",
            ids=[str(aggregate_id)],
            versions=versions,
        )
        return [_loaded(row) for row in rows]

    def load_event(self, connection: Connection, aggregate_id: UUID, number: int) -> Loaded | None:
        statement = text("SELECT * FROM sequent_schema.load_event(:id, :number)")
        row = connection.execute(statement, {"id": aggregate_id, "number": number}).one_or_none()
        return None if row is None else _loaded(row)

    @staticmethod
    def _call(connection: Connection, statement: str, **values: object) -> Any:
        for name in values:
            statement = statement.replace(f":{name}", f"CAST(:{name} AS jsonb)")
        return connection.execute(text(statement), {name: json.dumps(value) for name, value in values.items()})


def _loaded(row: Any) -> Loaded:
    return Loaded(row[0], row[2], row[3], row[4], row[5])


_LIKE_SEQUENT = (
    f"DROP TABLE sequent_schema.{EVENT_STORE_VERSION_TABLE}, sequent_schema.store_state, sequent_schema.cursors, "
    "sequent_schema.replay_groups",
    "DROP FUNCTION sequent_schema.check_version(uuid, integer)",
    "DROP INDEX sequent_schema.events_xact_id_idx",
    "ALTER TABLE sequent_schema.projector_states DROP COLUMN table_definitions",
    "ALTER TABLE sequent_schema.replay_states DROP COLUMN projector_versions, DROP COLUMN view_revision, "
    "DROP COLUMN position_mark, DROP COLUMN position_mark_until, DROP COLUMN last_command_id, "
    "DROP COLUMN last_aggregate_id, DROP COLUMN last_sequence_number, DROP COLUMN error",
    "CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY)",
    "INSERT INTO public.schema_migrations VALUES ('20260610094300')",
)


class LikeSequent:
    """The same tables and rows, without a word of Sequent's SQL."""

    def __init__(self, databases: PostgreSQLDatabases) -> None:
        self.url = databases.create_migrated().url
        self.engine = create_engine(self.url, poolclass=NullPool)
        with self.engine.begin() as connection:
            for statement in _LIKE_SEQUENT:
                connection.execute(text(statement))

    def store_events(self, connection: Connection, command: Json, streams: Streams) -> None:
        self._types(connection, "command_types", command["command_type"])
        in_columns = ("aggregate_id", "user_id", "event_aggregate_id", "event_sequence_number")
        connection.execute(
            _STORE_COMMAND,
            {name: command["command_json"].get(name) for name in in_columns}
            | {"type": command["command_type"], "created_at": command["created_at"]}
            | {"data": _without(command["command_json"], *in_columns, "created_at")},
        )
        for stream, events in streams:
            self._types(connection, "aggregate_types", stream["aggregate_type"])
            connection.execute(
                _STORE_AGGREGATE,
                {
                    "id": stream["aggregate_id"],
                    "key": stream["events_partition_key"] or "",
                    "type": stream["aggregate_type"],
                    "created_at": events[0]["created_at"],
                },
            )
            for event in events:
                self._event(connection, event)
            for scope, key in stream["unique_keys"].items():
                values = {"id": stream["aggregate_id"], "scope": scope, "key": json.dumps(key)}
                connection.execute(_STORE_KEY, values)

    def store_snapshot(self, connection: Connection, snapshot: Json) -> None:
        values = {**snapshot, "snapshot_json": json.dumps(snapshot["snapshot_json"])}
        connection.execute(_TRACK, values)
        connection.execute(_STORE_SNAPSHOT, values)

    def load_events(self, connection: Connection, aggregate_id: UUID, versions: Mapping[str, int]) -> list[Loaded]:
        stream = self._stream(connection, aggregate_id)
        version = versions.get(stream[0], 1)
        snapshot = connection.execute(_SNAPSHOT, {"id": aggregate_id, "version": version}).one_or_none()
        first = 1 if snapshot is None else snapshot.sequence_number
        rows = connection.execute(_EVENTS, {"id": aggregate_id, "first": first, "last": 2**31 - 1})
        events = [Loaded(*stream, *row) for row in rows]
        return (
            events
            if snapshot is None
            else [Loaded(*stream, 0, snapshot.snapshot_type, snapshot.snapshot_json), *events]
        )

    def load_event(self, connection: Connection, aggregate_id: UUID, number: int) -> Loaded | None:
        stream = self._stream(connection, aggregate_id)
        row = connection.execute(_EVENTS, {"id": aggregate_id, "first": number, "last": number}).one_or_none()
        return None if row is None else Loaded(*stream, *row)

    @staticmethod
    def _stream(connection: Connection, aggregate_id: UUID) -> tuple[str, str]:
        aggregate_type, partition_key = connection.execute(_STREAM, {"id": aggregate_id}).one()
        return str(aggregate_type), str(partition_key)

    def _event(self, connection: Connection, event: Json) -> None:
        self._types(connection, "event_types", event["event_type"])
        data = event["event_json"]
        values = {"id": data["aggregate_id"], "number": data["sequence_number"], "type": event["event_type"]}
        values["created_at"] = event["created_at"]
        values["data"] = _without(data, "aggregate_id", "sequence_number", "created_at")
        connection.execute(_STORE_EVENT, values)

    @staticmethod
    def _types(connection: Connection, table: str, name: str) -> None:
        statement = f"INSERT INTO sequent_schema.{table} (type) VALUES (:name) ON CONFLICT DO NOTHING"
        connection.execute(text(statement), {"name": name})


def _without(data: Json, *names: str) -> str:
    return json.dumps({name: value for name, value in data.items() if name not in names})


_STORE_COMMAND = text("""
INSERT INTO sequent_schema.commands (
    created_at, user_id, aggregate_id, command_type_id, command_json, event_aggregate_id, event_sequence_number
) SELECT CAST(:created_at AS timestamptz), CAST(:user_id AS uuid), CAST(:aggregate_id AS uuid), id,
         CAST(:data AS jsonb), CAST(:event_aggregate_id AS uuid), CAST(:event_sequence_number AS integer)
    FROM sequent_schema.command_types WHERE type = :type""")
_STORE_AGGREGATE = text("""
INSERT INTO sequent_schema.aggregates (aggregate_id, events_partition_key, aggregate_type_id, created_at)
SELECT CAST(:id AS uuid), :key, id, CAST(:created_at AS timestamptz)
  FROM sequent_schema.aggregate_types WHERE type = :type ON CONFLICT DO NOTHING""")
_STORE_EVENT = text("""
INSERT INTO sequent_schema.events (
    partition_key, aggregate_id, sequence_number, created_at, command_id, event_type_id, event_json
) SELECT events_partition_key, aggregate_id, :number, CAST(:created_at AS timestamptz),
         currval('sequent_schema.commands_id_seq'),
         (SELECT id FROM sequent_schema.event_types WHERE type = :type), CAST(:data AS jsonb)
    FROM sequent_schema.aggregates WHERE aggregate_id = CAST(:id AS uuid)""")
_STORE_KEY = text("""
INSERT INTO sequent_schema.aggregate_unique_keys VALUES (CAST(:id AS uuid), :scope, CAST(:key AS jsonb))
    ON CONFLICT (aggregate_id, scope) DO UPDATE SET key = EXCLUDED.key""")
_TRACK = text("""
INSERT INTO sequent_schema.aggregates_that_need_snapshots (
    aggregate_id, snapshot_version, snapshot_sequence_number_high_water_mark
) VALUES (CAST(:aggregate_id AS uuid), :snapshot_version, :sequence_number)""")
_STORE_SNAPSHOT = text("""
INSERT INTO sequent_schema.snapshot_records (
    aggregate_id, snapshot_version, sequence_number, created_at, snapshot_type, snapshot_json
) VALUES (CAST(:aggregate_id AS uuid), :snapshot_version, :sequence_number, CAST(:created_at AS timestamptz),
          :snapshot_type, CAST(:snapshot_json AS jsonb))""")
_STREAM = text("""
SELECT aggregate_type, events_partition_key FROM sequent_schema.stream_records WHERE aggregate_id = :id""")
_SNAPSHOT = text("""
SELECT sequence_number, snapshot_type, snapshot_json FROM sequent_schema.snapshot_records
 WHERE aggregate_id = :id AND snapshot_version = :version ORDER BY sequence_number DESC LIMIT 1""")
_EVENTS = text("""
SELECT sequence_number, event_type, event_json FROM sequent_schema.event_records
 WHERE aggregate_id = :id AND sequence_number BETWEEN :first AND :last ORDER BY sequence_number""")

IMPLEMENTATIONS = cast(
    "dict[str, Callable[[PostgreSQLDatabases], Sequent9]]",
    {"like_sequent": LikeSequent} | ({"real_sequent": RealSequent} if os.environ.get(REFERENCE_SQL) else {}),
)
