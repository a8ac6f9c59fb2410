-- Frozen: a change of the schema is a new revision. Statements end with a line "--;".

CREATE TABLE aggregate_types (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    CONSTRAINT aggregate_types_type_key UNIQUE (type)
)
--;
CREATE TABLE command_types (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    CONSTRAINT command_types_type_key UNIQUE (type)
)
--;
CREATE TABLE cursors (
    name TEXT NOT NULL,
    position JSON NOT NULL,
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    PRIMARY KEY (name)
)
--;
CREATE TABLE event_types (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    CONSTRAINT event_types_type_key UNIQUE (type)
)
--;
CREATE TABLE projector_states (
    name TEXT NOT NULL,
    active_version INTEGER,
    activating_version INTEGER,
    replaying_version INTEGER,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    table_definitions JSON,
    PRIMARY KEY (name),
    CONSTRAINT replaying_conflicts_with_activating CHECK (replaying_version IS NULL OR activating_version IS NULL)
)
--;
CREATE TABLE replay_states (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    state TEXT NOT NULL,
    projectors JSON NOT NULL,
    continue_replay_at_xact_id BIGINT,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    index_definitions JSON,
    table_cluster_indexes JSON,
    projector_versions JSON,
    view_revision TEXT,
    position_mark TEXT,
    position_mark_until TEXT,
    last_command_id BIGINT,
    last_aggregate_id CHAR(32),
    last_sequence_number INTEGER,
    error JSON,
    CONSTRAINT valid_replay_state CHECK (state IN ('created', 'prepared', 'replaying', 'catching_up', 'replayed', 'optimized', 'live', 'failed', 'aborted'))
)
--;
CREATE UNIQUE INDEX replay_states_active_replay_idx ON replay_states ((true)) WHERE state NOT IN ('live', 'aborted')
--;
CREATE TABLE saved_event_records (
    operation VARCHAR(1) NOT NULL,
    timestamp TEXT NOT NULL,
    user TEXT NOT NULL,
    aggregate_id CHAR(32) NOT NULL,
    partition_key TEXT DEFAULT '',
    sequence_number INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    command_id INTEGER NOT NULL,
    event_type TEXT NOT NULL,
    event_json TEXT NOT NULL,
    xact_id INTEGER,
    CONSTRAINT saved_event_records_pkey PRIMARY KEY (aggregate_id, sequence_number, timestamp),
    CONSTRAINT saved_event_records_operation_check CHECK (operation IN ('U', 'D'))
)
--;
CREATE TABLE store_state (
    id SMALLINT NOT NULL,
    floor_command_id BIGINT DEFAULT 0 NOT NULL,
    system_identifier TEXT,
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT store_state_one_row CHECK (id = 1)
)
--;
CREATE TABLE aggregates (
    aggregate_id CHAR(32) NOT NULL,
    events_partition_key TEXT DEFAULT '' NOT NULL,
    aggregate_type_id SMALLINT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    PRIMARY KEY (aggregate_id),
    CONSTRAINT aggregates_events_partition_key_aggregate_id_key UNIQUE (events_partition_key, aggregate_id),
    CONSTRAINT aggregates_aggregate_type_id_fkey FOREIGN KEY(aggregate_type_id) REFERENCES aggregate_types (id) ON UPDATE CASCADE
)
--;
CREATE INDEX aggregates_aggregate_type_id_idx ON aggregates (aggregate_type_id)
--;
CREATE TABLE commands (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    created_at TEXT NOT NULL,
    user_id CHAR(32),
    aggregate_id CHAR(32),
    command_type_id SMALLINT NOT NULL,
    command_json TEXT NOT NULL,
    event_aggregate_id CHAR(32),
    event_sequence_number INTEGER,
    CONSTRAINT commands_command_type_id_fkey FOREIGN KEY(command_type_id) REFERENCES command_types (id) ON UPDATE CASCADE
)
--;
CREATE INDEX commands_aggregate_id_idx ON commands (aggregate_id)
--;
CREATE INDEX commands_command_type_id_idx ON commands (command_type_id)
--;
CREATE INDEX commands_event_idx ON commands (event_aggregate_id, event_sequence_number)
--;
CREATE TABLE replay_groups (
    replay_id BIGINT NOT NULL,
    number INTEGER NOT NULL,
    lower_partition_key TEXT,
    lower_aggregate_id CHAR(32),
    upper_partition_key TEXT,
    upper_aggregate_id CHAR(32),
    events BIGINT DEFAULT 0 NOT NULL,
    finished_at TEXT,
    CONSTRAINT replay_groups_pkey PRIMARY KEY (replay_id, number),
    CONSTRAINT replay_groups_replay_id_fkey FOREIGN KEY(replay_id) REFERENCES replay_states (id) ON DELETE CASCADE
)
--;
CREATE TABLE aggregate_unique_keys (
    aggregate_id CHAR(32) NOT NULL,
    scope TEXT NOT NULL,
    "key" TEXT NOT NULL,
    CONSTRAINT aggregate_unique_keys_pkey PRIMARY KEY (aggregate_id, scope),
    CONSTRAINT aggregate_unique_keys_scope_key_key UNIQUE (scope, "key"),
    CONSTRAINT aggregate_unique_keys_aggregate_id_fkey FOREIGN KEY(aggregate_id) REFERENCES aggregates (aggregate_id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE TABLE aggregates_that_need_snapshots (
    aggregate_id CHAR(32) NOT NULL,
    snapshot_sequence_number_high_water_mark INTEGER,
    snapshot_outdated_at TEXT,
    snapshot_scheduled_at TEXT,
    snapshot_version INTEGER NOT NULL,
    CONSTRAINT aggregates_that_need_snapshots_pkey PRIMARY KEY (aggregate_id, snapshot_version),
    CONSTRAINT aggregates_that_need_snapshots_aggregate_id_fkey FOREIGN KEY(aggregate_id) REFERENCES aggregates (aggregate_id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE INDEX aggregates_that_need_snapshots_outdated_idx ON aggregates_that_need_snapshots (snapshot_outdated_at, snapshot_sequence_number_high_water_mark DESC, aggregate_id) WHERE snapshot_outdated_at IS NOT NULL
--;
CREATE TABLE events (
    aggregate_id CHAR(32) NOT NULL,
    partition_key TEXT DEFAULT '' NOT NULL,
    sequence_number INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    command_id INTEGER NOT NULL,
    event_type_id SMALLINT NOT NULL,
    event_json TEXT NOT NULL,
    xact_id INTEGER DEFAULT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (partition_key, aggregate_id, sequence_number),
    CONSTRAINT events_partition_key_aggregate_id_fkey FOREIGN KEY(partition_key, aggregate_id) REFERENCES aggregates (events_partition_key, aggregate_id) ON DELETE RESTRICT ON UPDATE CASCADE,
    CONSTRAINT events_command_id_fkey FOREIGN KEY(command_id) REFERENCES commands (id) ON DELETE RESTRICT ON UPDATE RESTRICT,
    CONSTRAINT events_event_type_id_fkey FOREIGN KEY(event_type_id) REFERENCES event_types (id) ON UPDATE CASCADE
)
--;
CREATE INDEX events_command_id_idx ON events (command_id)
--;
CREATE INDEX events_event_type_id_idx ON events (event_type_id)
--;
CREATE INDEX events_xact_id_idx ON events (xact_id)
--;
CREATE TABLE partition_key_changes (
    aggregate_id CHAR(32) NOT NULL,
    old_partition_key TEXT NOT NULL,
    new_partition_key TEXT NOT NULL,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')) NOT NULL,
    PRIMARY KEY (aggregate_id),
    CONSTRAINT aggregate_fk FOREIGN KEY(aggregate_id) REFERENCES aggregates (aggregate_id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE TABLE snapshot_records (
    aggregate_id CHAR(32) NOT NULL,
    sequence_number INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    snapshot_type TEXT NOT NULL,
    snapshot_json TEXT NOT NULL,
    snapshot_version INTEGER NOT NULL,
    CONSTRAINT snapshot_records_pkey PRIMARY KEY (aggregate_id, snapshot_version, sequence_number),
    CONSTRAINT snapshot_records_aggregate_id_snapshot_version_fkey FOREIGN KEY(aggregate_id, snapshot_version) REFERENCES aggregates_that_need_snapshots (aggregate_id, snapshot_version) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE TRIGGER IF NOT EXISTS events_in_sequence_trigger BEFORE INSERT ON events
BEGIN
    SELECT CASE
        WHEN NEW.sequence_number <= (
        SELECT coalesce(max(e.sequence_number), 0) FROM events e
         WHERE e.partition_key = NEW.partition_key AND e.aggregate_id = NEW.aggregate_id
    ) THEN RAISE(ABORT, 'sequent: event exists')
        WHEN NEW.sequence_number > (
        SELECT coalesce(max(e.sequence_number), 0) FROM events e
         WHERE e.partition_key = NEW.partition_key AND e.aggregate_id = NEW.aggregate_id
    ) + 1 THEN RAISE(ABORT, 'sequent: sequence number gap')
    END;
END
--;
CREATE TRIGGER IF NOT EXISTS save_events_on_update_trigger AFTER UPDATE ON events
WHEN (OLD.aggregate_id, OLD.sequence_number, OLD.created_at, OLD.event_type_id, OLD.event_json)
     IS NOT (NEW.aggregate_id, NEW.sequence_number, NEW.created_at, NEW.event_type_id, NEW.event_json)
BEGIN
    INSERT INTO saved_event_records (
        operation, timestamp, "user", aggregate_id, partition_key, sequence_number, created_at, command_id,
        event_type, event_json, xact_id
    )
    SELECT 'U', strftime('%Y-%m-%dT%H:%M:%f', 'now') || printf('%03d', (
        SELECT count(*) FROM saved_event_records s
         WHERE s.aggregate_id = OLD.aggregate_id AND s.sequence_number = OLD.sequence_number
           AND s.timestamp >= strftime('%Y-%m-%dT%H:%M:%f', 'now')
    )) || '+00:00', 'sqlite', OLD.aggregate_id, OLD.partition_key, OLD.sequence_number,
           OLD.created_at, OLD.command_id, t.type, OLD.event_json, OLD.xact_id
      FROM event_types t WHERE t.id = OLD.event_type_id;
END
--;
CREATE TRIGGER IF NOT EXISTS save_events_on_delete_trigger AFTER DELETE ON events
BEGIN
    INSERT INTO saved_event_records (
        operation, timestamp, "user", aggregate_id, partition_key, sequence_number, created_at, command_id,
        event_type, event_json, xact_id
    )
    SELECT 'D', strftime('%Y-%m-%dT%H:%M:%f', 'now') || printf('%03d', (
        SELECT count(*) FROM saved_event_records s
         WHERE s.aggregate_id = OLD.aggregate_id AND s.sequence_number = OLD.sequence_number
           AND s.timestamp >= strftime('%Y-%m-%dT%H:%M:%f', 'now')
    )) || '+00:00', 'sqlite', OLD.aggregate_id, OLD.partition_key, OLD.sequence_number,
           OLD.created_at, OLD.command_id, t.type, OLD.event_json, OLD.xact_id
      FROM event_types t WHERE t.id = OLD.event_type_id;
END
--;
CREATE VIEW IF NOT EXISTS command_records AS
SELECT command.id, command.user_id, command.aggregate_id, t.type AS command_type,
       json_insert(
           command.command_json,
           '$.command_type', t.type,
           '$.created_at', command.created_at,
           '$.user_id', substr(command.user_id, 1, 8) || '-' || substr(command.user_id, 9, 4) || '-' || substr(command.user_id, 13, 4) || '-' || substr(command.user_id, 17, 4) || '-' || substr(command.user_id, 21, 12),
           '$.aggregate_id', substr(command.aggregate_id, 1, 8) || '-' || substr(command.aggregate_id, 9, 4) || '-' || substr(command.aggregate_id, 13, 4) || '-' || substr(command.aggregate_id, 17, 4) || '-' || substr(command.aggregate_id, 21, 12),
           '$.event_aggregate_id', substr(command.event_aggregate_id, 1, 8) || '-' || substr(command.event_aggregate_id, 9, 4) || '-' || substr(command.event_aggregate_id, 13, 4) || '-' || substr(command.event_aggregate_id, 17, 4) || '-' || substr(command.event_aggregate_id, 21, 12),
           '$.event_sequence_number', command.event_sequence_number
       ) AS command_json, command.created_at, command.event_aggregate_id, command.event_sequence_number
  FROM commands command
  JOIN command_types t ON t.id = command.command_type_id
--;
CREATE VIEW IF NOT EXISTS event_records AS
SELECT event.aggregate_id, event.partition_key, event.sequence_number, event.created_at, t.type AS event_type,
       json_insert(
           event.event_json,
           '$.aggregate_id', substr(event.aggregate_id, 1, 8) || '-' || substr(event.aggregate_id, 9, 4) || '-' || substr(event.aggregate_id, 13, 4) || '-' || substr(event.aggregate_id, 17, 4) || '-' || substr(event.aggregate_id, 21, 12),
           '$.sequence_number', event.sequence_number,
           '$.created_at', event.created_at
       ) AS event_json, event.command_id AS command_record_id, event.xact_id
  FROM events event
  JOIN aggregates a ON a.aggregate_id = event.aggregate_id AND a.events_partition_key = event.partition_key
  JOIN event_types t ON t.id = event.event_type_id
--;
CREATE VIEW IF NOT EXISTS stream_records AS
SELECT a.aggregate_id, a.events_partition_key, t.type AS aggregate_type, a.created_at
  FROM aggregates a
  JOIN aggregate_types t ON t.id = a.aggregate_type_id
--;
INSERT OR IGNORE INTO store_state (id) VALUES (1)
--;
