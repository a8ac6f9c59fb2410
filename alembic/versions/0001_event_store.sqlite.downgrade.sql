DROP VIEW stream_records
--;
DROP VIEW event_records
--;
DROP VIEW command_records
--;
DROP TABLE snapshot_records
--;
DROP TABLE partition_key_changes
--;
DROP TABLE events
--;
DROP TABLE aggregates_that_need_snapshots
--;
DROP TABLE aggregate_unique_keys
--;
DROP TABLE replay_groups
--;
DROP TABLE commands
--;
DROP TABLE aggregates
--;
DROP TABLE store_state
--;
DROP TABLE saved_event_records
--;
DROP TABLE replay_states
--;
DROP TABLE projector_states
--;
DROP TABLE event_types
--;
DROP TABLE cursors
--;
DROP TABLE command_types
--;
DROP TABLE aggregate_types
--;
