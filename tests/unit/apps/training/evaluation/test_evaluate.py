from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from apps.training.evaluation.evaluate import BATCH, evaluate, latency
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from tests.unit.apps.training.mails import mailbox


class AlwaysSpam:
    """Answers spam, nine times in ten sure."""

    family = "fixed"
    labels = ("invoice", "meeting", "spam")

    def predict(self, emails: Sequence[Email]) -> np.ndarray:
        return np.tile([0.05, 0.05, 0.9], (len(emails), 1))


def test_figures_of_a_classifier_that_always_says_the_same() -> None:
    figures = evaluate(AlwaysSpam(), mailbox(90), seed=0).figures  # pyright: ignore[reportArgumentType]
    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.per_class_recall == {"invoice": 0.0, "meeting": 0.0, "spam": 1.0}
    assert figures.f1_score == pytest.approx((0 + 0 + 0.5) / 3)
    assert figures.calibration_error == pytest.approx(0.9 - 1 / 3)
    assert figures.holdout_rows == 90
    assert figures.inference_latency_p95_ms > 0


def test_a_label_that_the_classifier_never_learned_counts_as_missed() -> None:
    holdout = replace(mailbox(90), labels=("complaint",) * 90)
    assert evaluate(AlwaysSpam(), holdout, seed=0).figures.per_class_recall["complaint"] == 0  # pyright: ignore[reportArgumentType]


class Counting(AlwaysSpam):
    """Remembers how many e-mails each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, emails: Sequence[Email]) -> np.ndarray:
        self.calls.append(len(emails))
        return super().predict(emails)


def test_every_row_is_predicted_once_and_then_some_alone_and_in_batches() -> None:
    classifier = Counting()
    found = evaluate(classifier, mailbox(9), seed=0)  # pyright: ignore[reportArgumentType]
    assert classifier.calls == [9, *[1] * 9, *[BATCH] * found.batched.calls]
    assert found.alone.calls == 9
    assert found.alone.p50_ms <= found.alone.p95_ms
    assert found.probabilities.shape == (9, 3) and found.right.sum() == 3


def test_where_there_is_no_time_three_calls_are_enough() -> None:
    calls = [mailbox(1).emails] * 9
    assert latency(AlwaysSpam().predict, calls, most_seconds=0.0).calls == 3  # pyright: ignore[reportArgumentType]


def test_no_holdout_is_an_error() -> None:
    with pytest.raises(DataError, match="holdout"):
        evaluate(AlwaysSpam(), mailbox(0), seed=0)  # pyright: ignore[reportArgumentType]
