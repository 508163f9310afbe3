"""Small real parts for the tests of serving: stores in memory, classifiers that do as they are told."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from apps.serving.batcher import BatchLimits
from apps.serving.http import Reply
from apps.serving.loading import LoadedModel
from apps.serving.metrics import ServingMetrics
from apps.serving.settings import Folders, ReplicaSettings
from libs.common.config.configuration import Addresses
from libs.common.config.model_serving import Explanations, Http, Idempotency, KeyLimit, Keys
from libs.common.domain.audit import Actor, Role
from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import ReplicaReport, Traffic
from libs.common.domain.triage import Email, Escalated, Feedback, Prediction, PredictionEvent, Summary, TriageResult
from libs.common.errors import NotAuthorised, StoreError

MODEL = "email_classifier"
SUMMARIZER = "email_summarizer"
LABELS = ("spam", "work")


def ref(version: str) -> ModelRef:
    return ModelRef(name=MODEL, version=version, digest=f"digest-{version}", uri=f"memory://{version}")


def mail(text: str = "hello") -> Email:
    return Email(message_id=f"<{text}>", sender="ann@example.com", subject="Hello", body=text)


class Classifier:
    """Gives every e-mail ``label``, or whatever ``predict`` is told to do."""

    family = "scripted"
    labels = LABELS
    batch_size = 32
    holds_interpreter = False
    options: dict[str, Any] = {}

    def __init__(self, label: str = "spam", before: Callable[[Sequence[Email]], None] = lambda emails: None) -> None:
        self._row = [0.75 if label == known else 0.25 for known in LABELS]
        self._before = before

    def predict(self, emails: Sequence[Email]) -> Any:
        self._before(emails)
        return np.array([self._row] * len(emails))


class Summarizer:
    """Gives every e-mail its subject as a line, after ``before`` was told of them."""

    family = "scripted"
    batch_size = 4
    options: dict[str, Any] = {}

    def __init__(self, before: Callable[[Sequence[Email]], None] = lambda emails: None) -> None:
        self._before = before

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        self._before(emails)
        return [Summary(email.subject) for email in emails]

    def save(self, folder: Path) -> None:
        (folder / "nothing.txt").touch()


def loaded(version: str, size_bytes: int = 10, classifier: Classifier | Summarizer | None = None) -> LoadedModel:
    return LoadedModel(ref(version), classifier or Classifier(), size_bytes)


@dataclass
class TrafficInMemory:
    """One traffic row; ``away`` makes it fail as an absent database does."""

    row: Traffic = field(default_factory=lambda: Traffic(model=MODEL))
    reports: list[ReplicaReport] = field(default_factory=list)
    away: bool = False

    def get(self, model: str) -> Traffic:
        if self.away:
            raise StoreError("the database does not answer")
        return self.row

    def report(self, report: ReplicaReport) -> None:
        self.reports.append(report)

    def change(self, **wanted: Any) -> None:
        self.row = self.row.model_copy(update={"revision": self.row.revision + 1, **wanted})


@dataclass
class FeedbackInMemory:
    """Feedback by request and reporter."""

    kept: dict[tuple[str, str], Feedback] = field(default_factory=dict)
    away: bool = False

    def add(self, report: Feedback) -> bool:
        if self.away:
            raise StoreError("the database does not answer")
        key = report.request_id, report.reporter
        new = key not in self.kept
        self.kept.setdefault(key, report)
        return new


class PrincipalsInMemory:
    """One known token."""

    def authenticate(self, token: str) -> Actor:
        if token != "tri_known":
            raise NotAuthorised("the token is unknown")
        return Actor(name="ann", role=Role.ENGINEER)


@dataclass
class EventsInMemory:
    """The prediction log as a list."""

    events: list[PredictionEvent] = field(default_factory=list)
    full: bool = False

    def append(self, event: PredictionEvent) -> None:
        if self.full:
            raise StoreError("the disk is full") from OSError(28, "No space left on device")
        self.events.append(event)


class CountingMetrics(ServingMetrics):
    """Counts in plain counters: prometheus_client's are the process's, not the test's."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.escalations: Counter[str] = Counter()
        self.problems: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.batches: list[int] = []
        self.gauges = 0, 0
        self.lookups: Counter[str] = Counter()

    def answered(self, result: TriageResult) -> None:
        self.answers[result.outcome] += 1
        said = result.said
        self.escalations[said.escalation if isinstance(said, Prediction) else Escalated.NONE] += 1

    def refused(self, status: int) -> None:
        self.problems[status] += 1

    def fault(self, kind: str) -> None:
        self.faults[kind] += 1

    def batched(self, size: int) -> None:
        self.batches.append(size)

    def recalled(self, hit: bool) -> None:
        self.lookups["hit" if hit else "miss"] += 1

    def measure_results(self, kept_bytes: int) -> None:
        self.kept_bytes = kept_bytes

    def measure(self, queue_depth: int, loaded_bytes: int) -> None:
        self.gauges = queue_depth, loaded_bytes

    def expose(self) -> Reply:
        return Reply(200, b"", b"text/plain")


def http_section(**changed: Any) -> Http:
    limit = KeyLimit(emails_per_second=1, burst=3, emails_per_day=5)
    defaults: dict[str, Any] = {
        "max_headers": 16,
        "max_header_bytes": 2_000,
        "allowed_origins": (),
        "keys": Keys(required=False, remember=timedelta(seconds=30), default=limit, principals={}),
        "idempotency": Idempotency(keep=timedelta(minutes=1), size=100_000),
        "explanations": Explanations(reasons=5, occlusions=8),
    }
    return Http(**(defaults | changed))


def settings(folder: Path, **changed: Any) -> ReplicaSettings:
    quick = timedelta(milliseconds=10)
    defaults: dict[str, Any] = {
        "model": MODEL,
        "addresses": Addresses("", "", "", "", ""),
        "folders": Folders(folder / "models", folder / "predictions", folder / "metrics"),
        "batch": BatchLimits(max_batch_size=4, queue_size=8),
        "cache_bytes": 100,
        "poll_interval": quick,
        "report_interval": timedelta(seconds=1),
        "ship_interval": timedelta(seconds=1),
        "request_timeout_s": 2.0,
        "candidate_timeout_s": 0.2,
        "start_timeout_s": 5.0,
        "body_limit_bytes": 2_000,
        "body_timeout_s": 5.0,
        "mirror_limit": 2,
        "intra_op_threads": 1,
        "longest_wait_s": 1.0,
        "http": http_section(),
    }
    return ReplicaSettings(**(defaults | changed))
