"""create author and post records"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sequent_sa import UtcDateTime

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "author_records",
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("aggregate_id", name=op.f("author_records_pkey")),
        schema="view_schema",
    )
    op.create_table(
        "post_records",
        sa.Column("aggregate_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("aggregate_id", name=op.f("post_records_pkey")),
        schema="view_schema",
    )
    op.create_index(
        op.f("post_records_author_id_idx"), "post_records", ["author_id"], unique=False, schema="view_schema"
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("post_records", schema="view_schema")
    op.drop_table("author_records", schema="view_schema")
