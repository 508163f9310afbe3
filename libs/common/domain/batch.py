"""A batch: a source triaged on request, apart from live traffic. Its states, and what moves it from one to the next.

queued → running → succeeded | failed; cancelling → cancelled; interrupted, where its job is gone.
The failed and the interrupted may be queued again.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from libs.common.domain.value import Value

# A cluster that has just come up takes no job for some seconds, and nobody knows of a job before it is taken.
NOT_TAKEN_WITHIN = timedelta(minutes=2)


class BatchState(StrEnum):
    """Where a batch is."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Work(StrEnum):
    """What the cluster knows of a job."""

    ALIVE = "alive"
    ENDED = "ended"
    UNKNOWN = "unknown"


_OPEN = frozenset({BatchState.QUEUED, BatchState.RUNNING, BatchState.CANCELLING})
_MAY_GO_ON = frozenset({BatchState.FAILED, BatchState.INTERRUPTED})


class BatchOrder(Value):
    """What is to be triaged by which version; ``upload_digest`` is the SHA-256 of what was sent with it, if anything was."""

    source: str
    model: str = "email_classifier"
    version: str = "live"
    columns: dict[str, str] = {}
    upload_digest: str = ""


class Headway(Value):
    """How far a batch is; ``mails_done`` holds the quarantined, too."""

    parts: int = 0
    parts_done: int = 0
    mails: int = 0
    mails_done: int = 0
    quarantined: int = 0


class Batch(Value):
    """One batch: ``attempt`` counts its jobs, of which the latest was asked for at ``attempted_at``.

    ``version`` is empty until the first begins.
    """

    id: str
    owner: str
    order: BatchOrder
    created_at: datetime
    attempted_at: datetime
    attempt: int = 1
    state: BatchState = BatchState.QUEUED
    version: str = ""
    headway: Headway = Headway()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    message: str = ""

    @property
    def is_open(self) -> bool:
        """Whether a job of it may be alive."""
        return self.state in _OPEN

    @property
    def job(self) -> str:
        """The id of its latest job: the same attempt cannot be started twice."""
        return f"triage-batch-{self.id}-{self.attempt}"


def begin(batch: Batch, attempt: int, version: str, now: datetime) -> Batch:
    """The job of ``attempt`` runs; another attempt, or a batch that is not queued, stays as it is."""
    if batch.attempt != attempt or batch.state is not BatchState.QUEUED:
        return batch
    return batch.model_copy(update={"state": BatchState.RUNNING, "version": version, "started_at": batch.started_at or now})


def proceed(batch: Batch, attempt: int, headway: Headway) -> Batch:
    """So far it is, says the job of ``attempt``."""
    return batch.model_copy(update={"headway": headway}) if holds(batch, attempt) else batch


def finish(batch: Batch, attempt: int, fault: str, now: datetime) -> Batch:
    """The job of ``attempt`` is at its end: succeeded without a ``fault``. Nothing is undone that somebody else has decided."""
    begun = batch.attempt == attempt and batch.state in (BatchState.QUEUED, BatchState.RUNNING)
    state = BatchState.FAILED if fault else BatchState.SUCCEEDED
    return _ended(batch, state, fault, now) if begun else batch


def holds(batch: Batch, attempt: int) -> bool:
    """Whether the job of ``attempt`` is still to work on it."""
    return batch.attempt == attempt and batch.state is BatchState.RUNNING


def cancel(batch: Batch, now: datetime) -> Batch:
    """It is to end: at once where no job can be alive; one that has succeeded, or was cancelled, stays as it is."""
    if batch.state in _MAY_GO_ON:
        return _ended(batch, BatchState.CANCELLED, batch.message, now)
    return batch.model_copy(update={"state": BatchState.CANCELLING}) if batch.is_open else batch


def settle(batch: Batch, work: Work, now: datetime) -> Batch:
    """What its state is, if this is what the cluster knows of its latest job."""
    if not batch.is_open or work is Work.ALIVE:
        return batch
    if batch.state is BatchState.CANCELLING:
        return _ended(batch, BatchState.CANCELLED, "", now)
    if work is Work.UNKNOWN and now - batch.attempted_at < NOT_TAKEN_WITHIN:
        return batch
    return _ended(batch, BatchState.INTERRUPTED, "its job ended before it was done; send the same request again to go on", now)


def resume(batch: Batch, now: datetime) -> Batch:
    """One that failed or was interrupted is queued for another attempt; any other stays as it is."""
    if batch.state not in _MAY_GO_ON:
        return batch
    fresh = {"state": BatchState.QUEUED, "attempt": batch.attempt + 1, "attempted_at": now, "ended_at": None, "message": ""}
    return batch.model_copy(update=fresh)


def _ended(batch: Batch, state: BatchState, message: str, now: datetime) -> Batch:
    return batch.model_copy(update={"state": state, "message": message, "ended_at": now})
