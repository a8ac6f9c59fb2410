"""The event store, as Sequent 9 has it, and what this framework keeps beside it.

The SQL is in the two files of the same name. On PostgreSQL it also takes over a store that Sequent itself created:
what is there stays, what is missing is added.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from alembic import op
from sqlalchemy import inspect

from sequent_sa.alembic.event_store_history import refuse_to_destroy_events
from sequent_sa.exceptions import DatabaseNotReady

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What came to these tables after Sequent 8.0. A table that is missing as a whole is made.
_NEWER_COLUMNS = {
    "events": ("aggregate_id", "partition_key", "command_id", "event_type_id", "event_json", "xact_id"),
    "aggregates_that_need_snapshots": ("snapshot_scheduled_at", "snapshot_version"),
    "snapshot_records": ("snapshot_version",),
    "saved_event_records": ("command_id", "xact_id"),
    "replay_states": ("index_definitions", "table_cluster_indexes"),
}

_END_OF_STATEMENT = "\n--;\n"


def upgrade() -> None:
    """Create everything. Raises `DatabaseNotReady` where there are such tables already, but not those of Sequent 9."""
    if not op.get_context().as_sql:
        _refuse_other_tables()
    for statement in _statements("upgrade"):
        op.execute(statement)


def downgrade() -> None:
    """Drop everything, the events too: refused while there are any, unless `-x destroy-events=yes` is given."""
    refuse_to_destroy_events()
    for statement in _statements("downgrade"):
        op.execute(statement)


def _refuse_other_tables() -> None:
    connection = op.get_bind()
    schema = "sequent_schema" if connection.dialect.name == "postgresql" else None
    inspector = inspect(connection)
    for table, needed in _NEWER_COLUMNS.items():
        if not inspector.has_table(table, schema=schema):
            continue
        present = {column["name"] for column in inspector.get_columns(table, schema=schema)}
        missing = [column for column in needed if column not in present]
        if missing:
            raise DatabaseNotReady(
                f"there is a table {table} already, without {', '.join(missing)}: it is not one of Sequent 9. If it is "
                "of an earlier version, bring it to the latest with Sequent's own migrations first; nothing was changed"
            )


def _statements(direction: str) -> Iterator[str]:
    path = Path(__file__).with_name(f"0001_event_store.{op.get_context().dialect.name}.{direction}.sql")
    for statement in path.read_text(encoding="utf-8").split(_END_OF_STATEMENT):
        if statement.strip():
            yield statement.strip()
