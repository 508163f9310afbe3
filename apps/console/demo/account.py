"""Everything that one demo left behind, as its checks and its report read it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.console.demo.chronicle import Chronicle, Moment
from apps.console.demo.load_records import Kind, LoadCounts, SentRequest
from apps.console.demo.mailbox import TriagedMailbox
from apps.console.demo.windows import Share, Stretch, share_right, stretch
from libs.common.domain.alert import Alert
from libs.common.domain.measurement import Measurement
from libs.common.domain.model import ModelVersion
from libs.common.domain.promotion import Promotion
from libs.common.domain.retraining import Retraining
from libs.common.domain.rollout import Rollout

# The three kinds of traffic: as at first; of another kind; of that other kind, and never shown to a training.
CALM, DRIFTED, FRESH = "calm", "drifted", "fresh"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the plots draw lines at; shares in 0…1, milliseconds."""

    accuracy: float
    drift_alert: float
    drift_retrain: float
    latency_ms: float


@dataclass(frozen=True)
class Account:
    """The story, its traffic as the callers saw it, and what the product recorded of it."""

    source: str
    chronicle: Chronicle
    limits: Limits
    requests: Sequence[SentRequest] = ()
    counts: LoadCounts = field(default_factory=LoadCounts)
    logged_twice: int = 0
    unlogged: int = 0
    measurements: Sequence[Measurement] = ()
    models: Sequence[ModelVersion] = ()
    promotions: Sequence[Promotion] = ()
    releases: Sequence[Rollout] = ()
    alerts: Sequence[Alert] = ()
    retrainings: Sequence[Retraining] = ()
    mailbox: TriagedMailbox | None = None
    audit_records: int = 0
    audit_faults: Sequence[str] = ()
    champion: str = ""
    worse: str = ""
    retrained: str = ""

    def release_of(self, version: str) -> Rollout | None:
        """The last release of a version."""
        found = [rollout for rollout in self.releases if rollout.candidate.version == version]
        return found[-1] if found else None

    def accuracy(self, version: str, parts: Sequence[str]) -> Share:
        """How often a version was right on some parts of the traffic."""
        answers = (request for request in self.requests if request.kind is Kind.CLASSIFY and not request.failed)
        return share_right(request for request in answers if request.version == version and request.part in parts)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One marked moment and the traffic from it until the next."""

    number: int
    moment: Moment
    traffic: Stretch


def chapters(account: Account, ended: datetime) -> list[Chapter]:
    """The marked moments, numbered from 1 as in the plots."""
    marked = [moment for moment in account.chronicle.moments if moment.marked]
    ends = [moment.at for moment in [*marked[1:], Moment(ended, "the end")]][: len(marked)]
    return [
        Chapter(number, moment, stretch(account.requests, moment.at.timestamp(), end.timestamp()))
        for number, (moment, end) in enumerate(zip(marked, ends, strict=True), 1)
    ]
