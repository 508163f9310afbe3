from typing import Any

import numpy as np
import pytest

from apps.training.evaluation.compare import Comparison, Contender, compare, told
from apps.training.evaluation.evaluate import Evaluation, Latency
from apps.training.evaluation.footprint import Footprint
from libs.common.domain.model import PerformanceMetrics
from libs.common.stats.metrics import Interval

CLASSES = ("a", "b", "c")
TRUTH = np.arange(600) % 3
ALONE = np.arange(600)


def contender(name: str, wrong: int, p95_ms: float = 2.0, classes: tuple[str, ...] = CLASSES) -> Contender:
    """The first ``wrong`` answers are; its classes may stand in another order."""
    place = np.array([classes.index(label) for label in CLASSES])
    predicted = TRUTH.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 3
    figures = PerformanceMetrics.model_construct(calibration_error=0.012)
    timed, f1 = Latency(calls=9, p50_ms=1.0, p95_ms=p95_ms), Interval(0.0, 0.0, 0.0)
    sure = np.eye(3)[place[predicted]]
    evaluation = Evaluation(figures, classes, place[TRUTH], place[predicted], sure, f1, timed, timed)
    return Contender(name, evaluation, Footprint(2_000_000, 30_000_000))


def figures(found: Comparison) -> dict[str, Any]:
    return {one.figure: one for one in found.differences}


def test_the_better_one_is_named_with_the_interval_that_says_so() -> None:
    found = compare(contender("mail/1", 60), contender("mail/2", 20, p95_ms=20.0), ALONE)
    assert found.verdict.startswith("mail/2 is better than mail/1 (macro F1 +0.067, +0.0")
    assert found.verdict.endswith("mail/1 answers faster (p95 2.0 against 20.0 ms).")
    accuracy = figures(found)["accuracy"]
    assert (accuracy.first, accuracy.second) == pytest.approx((0.9, 580 / 600))
    assert 0 < accuracy.gain.low < accuracy.gain.value == pytest.approx(40 / 600)
    assert compare(contender("mail/2", 20), contender("mail/1", 60), ALONE).verdict.startswith("mail/2 is better than mail/1")


def test_what_chance_can_do_is_no_difference() -> None:
    found = compare(contender("mail/1", 21), contender("mail/2", 20), ALONE)
    assert found.verdict.startswith("mail/2 and mail/1 differ by no more than chance can do (macro F1 +0.002, +0.000 to")


def test_one_campaign_is_one_piece_of_evidence() -> None:
    groups = np.where(ALONE < 60, 0, ALONE)
    found = compare(contender("mail/1", 60), contender("mail/2", 20), groups)
    assert "no more than chance" in found.verdict
    assert (found.rows, found.groups) == (600, 541)


def test_every_class_has_its_recalls_in_whatever_order_a_classifier_knows_them() -> None:
    found = compare(contender("mail/1", 60), contender("mail/2", 60, classes=("c", "a", "b", "z")), ALONE)
    assert [name for name in figures(found) if name.startswith("recall")] == ["recall a", "recall b", "recall c"]
    assert all(one.first == one.second and one.gain.high == 0 for one in found.differences if one.gain)
    assert figures(found)["recall a"].first == pytest.approx(0.9)


def test_it_is_told_row_by_row() -> None:
    rows = {row[0]: row[1:] for row in told(compare(contender("mail/1", 60), contender("mail/2", 20), ALONE))}
    assert rows["accuracy"][:2] == ("0.900", "0.967") and rows["accuracy"][2].startswith("+0.067 (+0.0")
    assert rows["calibration error"] == ("0.012", "0.012", "")
    assert rows["size, MB"] == ("2.0", "2.0", "") and rows["latency of 32 p95, ms"] == ("2.0", "2.0", "")
