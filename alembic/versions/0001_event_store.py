"""The event store, as Sequent 9 has it, and what this framework keeps beside it.

The SQL is in the two files of the same name. On PostgreSQL it also takes over a store that Sequent itself created:
what is there stays, what is missing is added.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from alembic import op

from sequent_sa.alembic.event_store_history import refuse_to_destroy_events

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_END_OF_STATEMENT = "\n--;\n"


def upgrade() -> None:
    """Create everything."""
    for statement in _statements("upgrade"):
        op.execute(statement)


def downgrade() -> None:
    """Drop everything, the events too: refused while there are any, unless `-x destroy-events=yes` is given."""
    refuse_to_destroy_events()
    for statement in _statements("downgrade"):
        op.execute(statement)


def _statements(direction: str) -> Iterator[str]:
    path = Path(__file__).with_name(f"0001_event_store.{op.get_context().dialect.name}.{direction}.sql")
    for statement in path.read_text(encoding="utf-8").split(_END_OF_STATEMENT):
        if statement.strip():
            yield statement.strip()
