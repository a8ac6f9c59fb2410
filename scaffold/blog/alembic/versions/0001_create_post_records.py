"""create post records"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "post_records",
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("content", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("aggregate_id", name=op.f("post_records_pkey")),
        schema="view_schema",
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("post_records", schema="view_schema")
