from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from apps.training.evaluation.economies import Economies, compare, economies, economies_said
from apps.training.evaluation.evaluate import evaluate
from apps.training.fitting.precision import Trial, Verdict
from libs.common.config.training import Compression
from libs.common.domain.triage import Email
from libs.common.models.base import Probabilities
from libs.common.models.cascade import CascadeClassifier, Escalation
from tests.unit.apps.training.mails import WORDS, mailbox

HOLDOUT = mailbox(90, seed=9)
VERDICT = Verdict(True, 200, 1, 0.001, Compression(int8=True, max_flips=0.005, max_macro_f1_loss=0.005))


@dataclass(frozen=True)
class Reads:
    """Knows the words of every label, and answers invoice for the first ``wrong`` mails of HOLDOUT."""

    wrong: int = 0
    sure: float = 0.9
    family = "reads"
    labels = tuple(WORDS)

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        wrong = set(HOLDOUT.emails[: self.wrong])
        known = [0 if email in wrong else int(np.argmax([_hits(email, label) for label in WORDS])) for email in emails]
        rest = (1 - self.sure) / (len(self.labels) - 1)
        return np.where(np.eye(len(self.labels))[known] > 0, self.sure, rest).reshape(-1, len(self.labels))


def _hits(email: Email, label: str) -> int:
    return sum(email.body.count(word) for word in WORDS[label])


def test_int8_is_compared_with_fp32_row_by_row() -> None:
    evaluation = evaluate(Reads(wrong=6), HOLDOUT, seed=0)  # pyright: ignore[reportArgumentType]
    found = compare(Reads(), evaluation, HOLDOUT, seed=0)  # pyright: ignore[reportArgumentType]
    changed = [row for row in range(6) if HOLDOUT.labels[row] != next(iter(WORDS))]
    assert list(found.changed) == changed
    assert found.flips.value == pytest.approx(len(changed) / 90)
    assert found.flips.low < found.flips.value < found.flips.high
    assert found.gain.value < 0
    assert found.int8_per_s > 0 and found.fp32_per_s > 0


def test_what_was_measured_has_a_name_in_mlflow_and_a_sentence_on_the_card() -> None:
    evaluation = evaluate(Reads(wrong=6), HOLDOUT, seed=0)  # pyright: ignore[reportArgumentType]
    small = compare(Reads(), evaluation, HOLDOUT, seed=0)  # pyright: ignore[reportArgumentType]
    found = Economies(VERDICT, small, small.flips)
    assert set(found.figures) == {
        "int8/flips",
        "int8/macro_f1_gain",
        "int8/emails_per_s",
        "fp32/emails_per_s",
        "escalated",
    }
    said = economies_said(found)
    assert "1 of 200 labels set aside are other than in fp32 (0.50%, 0.50% may be)" in said
    assert f"{len(small.changed)} labels differ" in said
    assert "The heavy classifier is asked about" in said


def of(classifier: object, tried: Trial | None = None) -> Economies:
    evaluation = evaluate(classifier, HOLDOUT, seed=0)  # pyright: ignore[reportArgumentType]
    return economies(classifier, evaluation, HOLDOUT, 0, tried)  # pyright: ignore[reportArgumentType]


def test_a_classifier_that_saves_nothing_has_nothing_to_say() -> None:
    found = of(Reads())
    assert found == Economies()
    assert (found.figures, economies_said(found)) == ({}, "")


def test_int8_that_was_refused_is_said_and_not_measured() -> None:
    found = of(Reads(), Trial(replace(VERDICT, accepted=False, flips=9), Reads()))  # pyright: ignore[reportArgumentType]
    assert (found.compressed, found.figures) == (None, {})
    assert "**Precision.** fp32, for in int8 9 of 200 labels" in economies_said(found)


def test_int8_that_was_accepted_is_measured_on_the_holdout() -> None:
    found = of(Reads(wrong=6), Trial(VERDICT, Reads()))  # pyright: ignore[reportArgumentType]
    assert found.compressed is not None and len(found.compressed.changed) == 4


@pytest.mark.parametrize(("threshold", "share"), [(0.5, 0.0), (0.95, 1.0)])
def test_the_share_that_a_cascade_escalates_is_measured(threshold: float, share: float) -> None:
    both = CascadeClassifier(Reads(), Reads(), Escalation(threshold, 0.5, 0.1, 1.0))  # pyright: ignore[reportArgumentType]
    found = of(both)
    assert found.escalated is not None and found.escalated.value == share
    assert found.figures == {"escalated": share}
