"""Events for tests of the prediction log."""

from datetime import UTC, datetime, timedelta

from libs.common.domain.triage import Escalated, Outcome, PredictionEvent, PredictionSample, Variant

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "email_classifier"
EVER = (AT - timedelta(days=1), AT + timedelta(days=1))


def event(number: int = 0, at: datetime = AT, model: str = MODEL) -> PredictionEvent:
    return PredictionEvent(
        at=at,
        request_id=f"r{number}",
        model=model,
        version="1",
        variant=Variant.STABLE,
        outcome=Outcome.OK,
        candidate_weight=0.05,
        latency_ms=1.5,
        label="spam",
        confidence=0.9,
        features={"body_chars": float(number)},
    )


def sample(number: int = 0, at: datetime = AT, model: str = MODEL) -> PredictionSample:
    return PredictionSample(
        at=at,
        request_id=f"r{number}",
        model=model,
        version="1",
        variant=Variant.STABLE,
        outcome=Outcome.OK,
        latency_ms=1.5,
        label="spam",
        probabilities={"spam": 0.9, "work": 0.1},
        escalation=Escalated.NONE,
        cached=False,
        input_hash="ab" * 32,
    )
