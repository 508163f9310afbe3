"""Batches."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "batches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("owner", "key", name="batches_order"),
    )
    op.create_index("batches_owner_created_at", "batches", ["owner", "created_at"])
    op.create_index("batches_ended_at", "batches", ["ended_at"])
