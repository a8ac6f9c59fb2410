"""Functions, triggers and views of the event store on PostgreSQL. Every name in them is qualified."""

from __future__ import annotations

from sequent_sa.tables.schema import SCHEMA

_ENRICH_EVENT_JSON = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.enrich_event_json(event {SCHEMA}.events) RETURNS jsonb
LANGUAGE sql STABLE STRICT AS $$
    SELECT jsonb_build_object(
        'aggregate_id', event.aggregate_id,
        'sequence_number', event.sequence_number,
        'created_at', event.created_at
    ) || event.event_json
$$"""

_ENRICH_COMMAND_JSON = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.enrich_command_json(command {SCHEMA}.commands) RETURNS jsonb
LANGUAGE sql STABLE STRICT AS $$
    SELECT jsonb_build_object(
        'command_type', (SELECT t.type FROM {SCHEMA}.command_types t WHERE t.id = command.command_type_id),
        'created_at', command.created_at,
        'user_id', command.user_id,
        'aggregate_id', command.aggregate_id,
        'event_aggregate_id', command.event_aggregate_id,
        'event_sequence_number', command.event_sequence_number
    ) || command.command_json
$$"""

# In plpgsql, and volatile, so that it sees what was committed while the transaction waited for the aggregate's lock.
_CHECK_VERSION = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.check_version(_aggregate_id uuid, _expected integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    _partition_key text;
    _stored integer;
BEGIN
    SELECT a.events_partition_key INTO _partition_key
      FROM {SCHEMA}.aggregates a
     WHERE a.aggregate_id = _aggregate_id;
    SELECT e.sequence_number INTO _stored
      FROM {SCHEMA}.events e
     WHERE e.partition_key = _partition_key AND e.aggregate_id = _aggregate_id
     ORDER BY e.sequence_number DESC
     LIMIT 1;
    _stored := COALESCE(_stored, 0);
    IF _stored > _expected THEN
        RAISE EXCEPTION USING ERRCODE = 'SQ001', MESSAGE =
            'aggregate ' || _aggregate_id || ' is at version ' || _stored || ', no longer at ' || _expected;
    ELSIF _stored < _expected THEN
        RAISE EXCEPTION USING ERRCODE = 'SQ002', MESSAGE =
            'aggregate ' || _aggregate_id || ' is at version ' || _stored || ', not yet at ' || _expected;
    END IF;
END
$$"""


# The clock, not the statement's time, is part of the key: one statement may call what changes an event twice.
def _archive(name: str, operation: str, replaced: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.{name}() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {SCHEMA}.saved_event_records (
        operation, timestamp, "user", aggregate_id, partition_key, sequence_number, created_at, command_id,
        event_type, event_json, xact_id
    )
    SELECT '{operation}', clock_timestamp(), current_user, o.aggregate_id, o.partition_key, o.sequence_number,
           o.created_at, o.command_id, t.type, o.event_json, o.xact_id
      FROM {replaced}
      JOIN {SCHEMA}.event_types t ON t.id = o.event_type_id;
    RETURN NULL;
END
$$"""


_UPDATED = """(
        SELECT before.* FROM old_table before
          LEFT JOIN new_table after USING (aggregate_id, sequence_number)
         WHERE (after.created_at, after.event_type_id, after.event_json)
               IS DISTINCT FROM (before.created_at, before.event_type_id, before.event_json)
      ) o"""

_UPDATE_TRIGGER = f"""
CREATE OR REPLACE TRIGGER save_events_on_update_trigger AFTER UPDATE ON {SCHEMA}.events
REFERENCING OLD TABLE AS old_table NEW TABLE AS new_table
FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.save_events_on_update_trigger()"""

_DELETE_TRIGGER = f"""
CREATE OR REPLACE TRIGGER save_events_on_delete_trigger AFTER DELETE ON {SCHEMA}.events
REFERENCING OLD TABLE AS old_table
FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.save_events_on_delete_trigger()"""

_COMMAND_RECORDS = f"""
CREATE OR REPLACE VIEW {SCHEMA}.command_records AS
SELECT command.id, command.user_id, command.aggregate_id, t.type AS command_type,
       {SCHEMA}.enrich_command_json(command) AS command_json, command.created_at,
       command.event_aggregate_id, command.event_sequence_number
  FROM {SCHEMA}.commands command
  JOIN {SCHEMA}.command_types t ON t.id = command.command_type_id"""

_EVENT_RECORDS = f"""
CREATE OR REPLACE VIEW {SCHEMA}.event_records AS
SELECT event.aggregate_id, event.partition_key, event.sequence_number, event.created_at, t.type AS event_type,
       {SCHEMA}.enrich_event_json(event) AS event_json, event.command_id AS command_record_id, event.xact_id
  FROM {SCHEMA}.events event
  JOIN {SCHEMA}.aggregates a ON a.aggregate_id = event.aggregate_id AND a.events_partition_key = event.partition_key
  JOIN {SCHEMA}.event_types t ON t.id = event.event_type_id"""

_STREAM_RECORDS = f"""
CREATE OR REPLACE VIEW {SCHEMA}.stream_records AS
SELECT a.aggregate_id, a.events_partition_key, t.type AS aggregate_type, a.created_at
  FROM {SCHEMA}.aggregates a
  JOIN {SCHEMA}.aggregate_types t ON t.id = a.aggregate_type_id"""

_STORE_STATE = f"""
INSERT INTO {SCHEMA}.store_state (id, floor_command_id, system_identifier)
SELECT 1, COALESCE((SELECT max(id) FROM {SCHEMA}.commands), 0), system_identifier::text FROM pg_control_system()
    ON CONFLICT DO NOTHING"""

CREATE = (
    _ENRICH_EVENT_JSON,
    _ENRICH_COMMAND_JSON,
    _CHECK_VERSION,
    _archive("save_events_on_update_trigger", "U", _UPDATED),
    _archive("save_events_on_delete_trigger", "D", "old_table o"),
    _UPDATE_TRIGGER,
    _DELETE_TRIGGER,
    _COMMAND_RECORDS,
    _EVENT_RECORDS,
    _STREAM_RECORDS,
    _STORE_STATE,
)
"""To be run when all tables exist, in this order; harmless when run again."""

DROP = (
    f"DROP VIEW IF EXISTS {SCHEMA}.stream_records, {SCHEMA}.event_records, {SCHEMA}.command_records",
    f"DROP TRIGGER IF EXISTS save_events_on_update_trigger ON {SCHEMA}.events",
    f"DROP TRIGGER IF EXISTS save_events_on_delete_trigger ON {SCHEMA}.events",
    f"DROP FUNCTION IF EXISTS {SCHEMA}.save_events_on_update_trigger(), {SCHEMA}.save_events_on_delete_trigger()",
    f"DROP FUNCTION IF EXISTS {SCHEMA}.enrich_event_json({SCHEMA}.events)",
    f"DROP FUNCTION IF EXISTS {SCHEMA}.enrich_command_json({SCHEMA}.commands)",
    f"DROP FUNCTION IF EXISTS {SCHEMA}.check_version(uuid, integer)",
)
"""To be run while all tables still exist."""
