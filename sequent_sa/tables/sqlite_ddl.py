"""Triggers and views of the event store on SQLite."""

from __future__ import annotations


def _dashed(column: str) -> str:
    # Ids are stored as 32 hexadecimal digits; in JSON they are written as everywhere else.
    parts = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)]
    return " || '-' || ".join(f"substr({column}, {start}, {length})" for start, length in parts)


# Two changes within one millisecond, which is as fine as SQLite's clock is, get different microseconds.
_SAVED_AT = """strftime('%Y-%m-%dT%H:%M:%f', 'now') || printf('%03d', (
        SELECT count(*) FROM saved_event_records s
         WHERE s.aggregate_id = OLD.aggregate_id AND s.sequence_number = OLD.sequence_number
           AND s.timestamp >= strftime('%Y-%m-%dT%H:%M:%f', 'now')
    )) || '+00:00'"""


def _archive(name: str, operation: str, when: str) -> str:
    return f"""
CREATE TRIGGER IF NOT EXISTS {name} {when}
BEGIN
    INSERT INTO saved_event_records (
        operation, timestamp, "user", aggregate_id, partition_key, sequence_number, created_at, command_id,
        event_type, event_json, xact_id
    )
    SELECT '{operation}', {_SAVED_AT}, 'sqlite', OLD.aggregate_id, OLD.partition_key, OLD.sequence_number,
           OLD.created_at, OLD.command_id, t.type, OLD.event_json, OLD.xact_id
      FROM event_types t WHERE t.id = OLD.event_type_id;
END"""


_UPDATED = """AFTER UPDATE ON events
WHEN (OLD.aggregate_id, OLD.sequence_number, OLD.created_at, OLD.event_type_id, OLD.event_json)
     IS NOT (NEW.aggregate_id, NEW.sequence_number, NEW.created_at, NEW.event_type_id, NEW.event_json)"""

_LATEST = """(
        SELECT coalesce(max(e.sequence_number), 0) FROM events e
         WHERE e.partition_key = NEW.partition_key AND e.aggregate_id = NEW.aggregate_id
    )"""

# The messages are constant, because RAISE takes no other; dialects/sqlite.py knows them.
_IN_SEQUENCE = f"""
CREATE TRIGGER IF NOT EXISTS events_in_sequence_trigger BEFORE INSERT ON events
BEGIN
    SELECT CASE
        WHEN NEW.sequence_number <= {_LATEST} THEN RAISE(ABORT, 'sequent: event exists')
        WHEN NEW.sequence_number > {_LATEST} + 1 THEN RAISE(ABORT, 'sequent: sequence number gap')
    END;
END"""

# json_insert keeps a key that is there, also one with the value null.
_COMMAND_RECORDS = f"""
CREATE VIEW IF NOT EXISTS command_records AS
SELECT command.id, command.user_id, command.aggregate_id, t.type AS command_type,
       json_insert(
           command.command_json,
           '$.command_type', t.type,
           '$.created_at', command.created_at,
           '$.user_id', {_dashed("command.user_id")},
           '$.aggregate_id', {_dashed("command.aggregate_id")},
           '$.event_aggregate_id', {_dashed("command.event_aggregate_id")},
           '$.event_sequence_number', command.event_sequence_number
       ) AS command_json, command.created_at, command.event_aggregate_id, command.event_sequence_number
  FROM commands command
  JOIN command_types t ON t.id = command.command_type_id"""

_EVENT_RECORDS = f"""
CREATE VIEW IF NOT EXISTS event_records AS
SELECT event.aggregate_id, event.partition_key, event.sequence_number, event.created_at, t.type AS event_type,
       json_insert(
           event.event_json,
           '$.aggregate_id', {_dashed("event.aggregate_id")},
           '$.sequence_number', event.sequence_number,
           '$.created_at', event.created_at
       ) AS event_json, event.command_id AS command_record_id, event.xact_id
  FROM events event
  JOIN aggregates a ON a.aggregate_id = event.aggregate_id AND a.events_partition_key = event.partition_key
  JOIN event_types t ON t.id = event.event_type_id"""

_STREAM_RECORDS = """
CREATE VIEW IF NOT EXISTS stream_records AS
SELECT a.aggregate_id, a.events_partition_key, t.type AS aggregate_type, a.created_at
  FROM aggregates a
  JOIN aggregate_types t ON t.id = a.aggregate_type_id"""

CREATE = (
    _IN_SEQUENCE,
    _archive("save_events_on_update_trigger", "U", _UPDATED),
    _archive("save_events_on_delete_trigger", "D", "AFTER DELETE ON events"),
    _COMMAND_RECORDS,
    _EVENT_RECORDS,
    _STREAM_RECORDS,
    "INSERT OR IGNORE INTO store_state (id) VALUES (1)",
)
"""To be run when all tables exist; harmless when run again."""

DROP = tuple(f"DROP VIEW IF EXISTS {name}" for name in ("stream_records", "event_records", "command_records"))
"""Triggers go with their tables."""
