"""The tables of the records store. A value is kept as its JSON; beside it stand the columns that queries need.

A change here needs a migration in migrations/versions; a test compares the two.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData()

_ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only where the type is INTEGER


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is dropped on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without zone (ValueError): nobody could say later when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; write e.g. datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The moment with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# `at` and `details` hold exactly the text that the digest covers, so that no other spelling of the same value can hide.
audit = Table(
    "audit",
    metadata,
    Column("seq", _ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

traffic = Table(
    "traffic",
    metadata,
    Column("model", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("candidate_version", Text),
    Column("lease_expires_at", UtcTime),
    Column("value", Text, nullable=False),
)

replica_reports = Table(
    "replica_reports",
    metadata,
    Column("model", Text, primary_key=True),
    Column("replica", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("rollouts_model_started_at", "model", "started_at"),
    Index("rollouts_phase", "phase"),
)

promotions = Table(
    "promotions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("decided_at", UtcTime),
    Column("value", Text, nullable=False),
    Index("promotions_model_requested_at", "model", "requested_at"),
    Index("promotions_decided_at", "decided_at"),
)

# Apart from their promotion, so that saving the promotion can never lose one that came in meanwhile.
approvals = Table(
    "approvals",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("promotion_id", Text, ForeignKey("promotions.id"), nullable=False),
    Column("approver", Text, nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("promotion_id", "approver", "approved", name="approvals_vote"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("evidence_subject", "model", "version", "name", "at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("reporter", Text, primary_key=True),
    Column("model", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("feedback_model_at", "model", "at"),
)

alert_states = Table(
    "alert_states",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("model", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("alerts_model_at", "model", "at"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("model", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("end", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("measurements_model_end", "model", "end", "metric"),
)

principals = Table(
    "principals",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", String(16), nullable=False),
    Column("token_digest", String(64), nullable=False, unique=True),
)

retrainings = Table(
    "retrainings",
    metadata,
    Column("id", _ROW_NUMBER, primary_key=True),
    Column("model", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("value", Text, nullable=False),
    Index("retrainings_model_at", "model", "at"),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("value", Text, nullable=False),
    UniqueConstraint("owner", "key", name="batches_order"),
    Index("batches_owner_created_at", "owner", "created_at"),
    Index("batches_ended_at", "ended_at"),
)
