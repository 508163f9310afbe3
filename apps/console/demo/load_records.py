"""What became of each request of the load: one JSON line each, and the counts over them."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np


class Kind(StrEnum):
    """The two requests that a caller of the service makes."""

    CLASSIFY = "classify"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request and its reply; empty strings where there was none.

    ``due_at`` is when it was to be sent (seconds since the epoch), and ``latency_ms`` counts from then, so that a late
    sender flatters nobody. ``status`` is 0 without a reply; ``truth`` is the right label; ``part`` the traffic it belongs to,
    and ``mail`` which e-mail of it this was.
    """

    kind: Kind
    request_id: str
    part: str
    due_at: float
    latency_ms: float
    status: int
    truth: str
    mail: str = ""
    label: str = ""
    version: str = ""
    variant: str = ""
    outcome: str = ""
    answered_id: str = ""
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether the caller did not get what it asked for."""
        return self.status != (200 if self.kind is Kind.CLASSIFY else 202)

    @property
    def right(self) -> bool:
        """Whether the label that was answered is the true one."""
        return self.label == self.truth

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


class RequestFile:
    """The requests that a load has written so far; each look reads only what is new."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: list[SentRequest] = []
        self._place = 0

    def requests(self) -> list[SentRequest]:
        """The requests in the order in which they ended; a line that is still being written is left for the next look."""
        if self._path.exists():
            with self._path.open("rb") as lines:
                lines.seek(self._place)
                for line in lines:
                    if line.endswith(b"\n"):
                        self._read.append(_request(json.loads(line)))
                        self._place += len(line)
        return self._read


def read_requests(path: Path) -> list[SentRequest]:
    """Every request in the file of a load."""
    return RequestFile(path).requests()


def _request(fields: dict[str, Any]) -> SentRequest:
    fields["kind"] = Kind(fields["kind"])
    return SentRequest(**fields)


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """The whole load in figures; latencies in milliseconds, over e-mails that were answered."""

    emails: int = 0
    feedback: int = 0
    failed: int = 0
    answered_twice: int = 0
    strayed: int = 0
    unversioned: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    by_version: dict[str, int] = field(default_factory=dict[str, int])
    problems: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def answers(self) -> int:
        """E-mails that were answered."""
        return sum(self.by_version.values())

    @property
    def per_second(self) -> float:
        """E-mails a second over the whole load."""
        return self.emails / self.seconds if self.seconds else 0.0


def count(requests: Iterable[SentRequest]) -> LoadCounts:
    """The counts. A reply has strayed where it names another request than the one it came back on."""
    sent = list(requests)
    emails = [request for request in sent if request.kind is Kind.CLASSIFY]
    answered = [request for request in emails if not request.failed]
    latencies = [request.latency_ms for request in answered] or [0.0]
    p50_ms, p95_ms, p99_ms = (float(found) for found in np.quantile(latencies, (0.5, 0.95, 0.99)))
    times = [request.due_at for request in sent]
    return LoadCounts(
        emails=len(emails),
        feedback=len(sent) - len(emails),
        failed=sum(request.failed for request in sent),
        answered_twice=sum(times - 1 for times in Counter(request.answered_id for request in answered).values()),
        strayed=sum(request.answered_id != request.request_id for request in answered),
        unversioned=sum(not request.version for request in answered),
        seconds=max(times) - min(times) if times else 0.0,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        by_version=dict(sorted(Counter(request.version for request in answered).items())),
        problems=dict(Counter(f"{request.kind} {request.status} {request.problem}" for request in sent if request.failed)),
    )
