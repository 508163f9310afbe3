"""What users' corrections changed, counted against the answers in the log."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from apps.training.datasets.corrections import CORRECTED, answers_in, corrected
from libs.common.domain.triage import Feedback, Outcome, PredictionEvent, Variant
from libs.common.stores.predictions import PredictionLog

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def given(request_id: str, label: str, model: str = "m") -> Feedback:
    return Feedback(request_id, model, label, "anna", AT)


def answered(request_id: str, label: str, hours_ago: float = 1, model: str = "m") -> PredictionEvent:
    at = AT - timedelta(hours=hours_ago)
    return PredictionEvent(at, request_id, model, "1", Variant.STABLE, Outcome.OK, 0, 1, label, 0.9, {})


class Log:
    """The events of a real log, without its files."""

    def __init__(self, *events: PredictionEvent) -> None:
        self._events = events

    def events(self, model: str, start: datetime, end: datetime) -> Iterator[PredictionEvent]:
        return (event for event in self._events if event.model == model and start <= event.at < end)


def answers(*events: PredictionEvent, to: tuple[Feedback, ...]) -> dict[str, str]:
    return answers_in(cast(PredictionLog, cast(Any, Log(*events))), to)


def test_changed_labels_are_counted_and_their_rows_named() -> None:
    said = (given("r1", "spam"), given("r2", "spam"), given("r3", "hr"), given("r4", "hr"))
    (finding,) = corrected(said, {"r1": "billing", "r2": "billing", "r3": "hr"})
    assert finding.kind == CORRECTED
    assert finding.said == (
        "of 3 answers that users looked at, they changed 2 (billing → spam 2); 1 more answers are not in the prediction log"
    )
    assert (finding.count, finding.rows) == (2, ("feedback:r1", "feedback:r2"))


def test_agreement_is_told_too_and_silence_is_not() -> None:
    (finding,) = corrected([given("r1", "hr")], {"r1": "hr"})
    assert (finding.said, finding.count) == ("of 1 answers that users looked at, they changed 0", 0)
    assert corrected([], {}) == []


def test_answers_are_looked_up_model_by_model_within_a_month() -> None:
    said = (given("r1", "spam"), given("r2", "spam", "other"), given("r3", "spam"))
    found = answers(
        answered("r1", "billing"),
        answered("r2", "hr", model="other"),
        answered("r3", "hr", hours_ago=24 * 31),
        answered("r9", "hr"),
        to=said,
    )
    assert found == {"r1": "billing", "r2": "hr"}


def test_a_request_that_was_never_answered_has_no_label_to_change() -> None:
    assert answers(answered("r1", ""), to=(given("r1", "spam"),)) == {}
