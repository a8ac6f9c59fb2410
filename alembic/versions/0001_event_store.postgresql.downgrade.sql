DROP VIEW sequent_schema.stream_records
--;
DROP VIEW sequent_schema.event_records
--;
DROP VIEW sequent_schema.command_records
--;
DROP TABLE sequent_schema.snapshot_records CASCADE
--;
DROP TABLE sequent_schema.partition_key_changes CASCADE
--;
DROP TABLE sequent_schema.events CASCADE
--;
DROP TABLE sequent_schema.aggregates_that_need_snapshots CASCADE
--;
DROP TABLE sequent_schema.aggregate_unique_keys CASCADE
--;
DROP TABLE sequent_schema.replay_groups CASCADE
--;
DROP TABLE sequent_schema.commands CASCADE
--;
DROP TABLE sequent_schema.aggregates CASCADE
--;
DROP TABLE sequent_schema.store_state CASCADE
--;
DROP TABLE sequent_schema.saved_event_records CASCADE
--;
DROP TABLE sequent_schema.replay_states CASCADE
--;
DROP TABLE sequent_schema.projector_states CASCADE
--;
DROP TABLE sequent_schema.event_types CASCADE
--;
DROP TABLE sequent_schema.cursors CASCADE
--;
DROP TABLE sequent_schema.command_types CASCADE
--;
DROP TABLE sequent_schema.aggregate_types CASCADE
--;
DROP FUNCTION sequent_schema.save_events_on_update_trigger()
--;
DROP FUNCTION sequent_schema.save_events_on_delete_trigger()
--;
DROP FUNCTION sequent_schema.check_version(uuid, integer)
--;
