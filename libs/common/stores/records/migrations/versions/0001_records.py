"""The first schema of the records store."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create every table."""
    _create_audit()
    _create_traffic()
    _create_promotions()
    _create_watching()
    op.create_table(
        "principals",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "digest": "0" * 64}])


def _create_traffic() -> None:
    op.create_table(
        "traffic",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("candidate_version", sa.Text),
        sa.Column("lease_expires_at", _TIME),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "replica_reports",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("rollouts_model_started_at", "rollouts", ["model", "started_at"])
    op.create_index("rollouts_phase", "rollouts", ["phase"])


def _create_promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("promotions_model_requested_at", "promotions", ["model", "requested_at"])
    op.create_index("promotions_decided_at", "promotions", ["decided_at"])
    op.create_table(
        "approvals",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("promotion_id", sa.Text, sa.ForeignKey("promotions.id"), nullable=False),
        sa.Column("approver", sa.Text, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.UniqueConstraint("promotion_id", "approver", "approved", name="approvals_vote"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("evidence_subject", "evidence", ["model", "version", "name", "at"])


def _create_watching() -> None:
    op.create_table(
        "feedback",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("reporter", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("feedback_model_at", "feedback", ["model", "at"])
    op.create_table(
        "alert_states",
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "measurements",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("end", _TIME, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("measurements_model_end", "measurements", ["model", "end", "metric"])
    for name in ("alerts", "retrainings"):
        op.create_table(
            name,
            sa.Column("id", _NUMBER, primary_key=True),
            sa.Column("model", sa.Text, nullable=False),
            sa.Column("at", _TIME, nullable=False),
            sa.Column("value", sa.Text, nullable=False),
        )
        op.create_index(f"{name}_model_at", name, ["model", "at"])
