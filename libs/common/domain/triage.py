"""An e-mail, what a model says of it, and what a person says of that."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from libs.common.errors import ModelError


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of an attached file; never its content."""

    name: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Email:
    """One message as a model sees it: headers that only mailing software writes are left behind at the door.

    ``body`` is the text as sent: plain, or HTML where ``is_html``. ``thread_id`` is the first message of the thread.
    """

    message_id: str
    sender: str
    subject: str
    body: str
    is_html: bool = False
    recipients: tuple[str, ...] = ()
    sent_at: datetime | None = None
    thread_id: str = ""
    attachments: tuple[Attachment, ...] = ()

    @property
    def sender_domain(self) -> str:
        """The part after the last @, lower case; empty where there is none."""
        return self.sender.rpartition("@")[2].rstrip("> ").lower() if "@" in self.sender else ""


@dataclass(frozen=True, slots=True)
class LabelledEmail:
    """An e-mail with the category a person gave it, and where it came from."""

    email: Email
    label: str
    source: str
    summary: str = ""


class Escalated(StrEnum):
    """Whether a model's second, slower stage was asked: no need; yes; or it was needed, and there was no room or time."""

    NONE = "none"
    DONE = "done"
    SHED = "shed"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer: the label, its probability, and the probability of every label.

    ``escalation`` is ``shed`` where it is less than the model could say, given under pressure.
    """

    label: str
    confidence: float
    probabilities: dict[str, float] = field(default_factory=dict)
    escalation: Escalated = Escalated.NONE


@dataclass(frozen=True, slots=True)
class Summary:
    """One line that says what an e-mail is about; empty where it says nothing."""

    text: str


Said = Prediction | Summary
"""What a model says of an e-mail: a classifier its category, a summarizer its line."""


class Variant(StrEnum):
    """Which of the two live versions answered."""

    STABLE = "stable"
    CANDIDATE = "candidate"


class Outcome(StrEnum):
    """How a request ended: answered, answered by stable because the candidate could not, or not answered."""

    OK = "ok"
    FALLBACK = "fallback"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class TriageResult:
    """A model's reply to one request; ``cached`` where the same content was answered before."""

    request_id: str
    message_id: str
    model: str
    version: str
    variant: Variant
    outcome: Outcome
    said: Said
    latency_ms: float
    cached: bool = False

    @property
    def prediction(self) -> Prediction:
        """What a classifier said; ModelError where a summarizer answered."""
        if isinstance(self.said, Prediction):
            return self.said
        raise ModelError(f"{self.model}/{self.version} is a summarizer and gives no label", "ask a classifier")


@dataclass(frozen=True, slots=True)
class Feedback:
    """The right label for an earlier request; ``email`` is there only where the reporter hands it over for training."""

    request_id: str
    model: str
    label: str
    reporter: str
    at: datetime
    email: Email | None = None


class Mirror(StrEnum):
    """Whether the candidate was asked beside: no; its answer is awaited; or it came, and the event before has another line."""

    NONE = "none"
    AWAITED = "awaited"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class PredictionEvent:
    """What is remembered of one request: numbers and ids, never content (ADR 14).

    ``variant`` is who was chosen, ``version`` who answered: a fallback is variant=candidate, outcome=fallback and stable's
    version, so that it counts against the candidate. outcome=error has no label and confidence 0, and so has a summarizer.
    ``candidate_weight`` is the candidate's traffic share when the request was routed; ``mirror_label`` what the
    candidate said where traffic is mirrored; ``features`` the numeric facts that drift is measured on. Requests with the
    same ``traffic_bucket`` always go the same way, so that to a test they are one draw. A request that is mirrored is written
    before its reply leaves, and once more, with the same ``at``, when the mirrored answer comes.
    """

    at: datetime
    request_id: str
    model: str
    version: str
    variant: Variant
    outcome: Outcome
    candidate_weight: float
    latency_ms: float
    label: str
    confidence: float
    features: dict[str, float]
    mirror_label: str | None = None
    traffic_bucket: int | None = None
    escalation: Escalated = Escalated.NONE
    mirror: Mirror = Mirror.NONE


@dataclass(frozen=True, slots=True)
class PredictionSample:
    """A closer look at one request in a hundred: still numbers and ids, never content (ADR 14).

    ``input_hash`` is a keyed digest of what the model read, as hexadecimal digits, empty where none is wanted: two samples
    with the same one had the same content, and nobody without the key can tell which. ``request_id`` joins it with its event.
    """

    at: datetime
    request_id: str
    model: str
    version: str
    variant: Variant
    outcome: Outcome
    latency_ms: float
    label: str
    probabilities: dict[str, float]
    escalation: Escalated
    cached: bool
    input_hash: str
