import numpy as np
import pytest

from apps.training.fitting.precision import judge
from libs.common.config.training import Compression

LIMITS = Compression(int8=True, max_flips=0.005, max_macro_f1_loss=0.005)
TRUTH = np.arange(1000, dtype=np.int64) % 4


def with_flips(count: int, start: int = 0) -> np.ndarray:
    """Answers that are all right, but for so many rows of class ``start``."""
    answers = TRUTH.copy()
    answers[start : start + 4 * count : 4] += 1 if start < 3 else -1
    return answers


def test_the_same_answers_are_accepted() -> None:
    verdict = judge(TRUTH, TRUTH, TRUTH, 4, LIMITS)
    assert (verdict.accepted, verdict.flips, verdict.macro_f1_loss) == (True, 0, 0.0)
    assert verdict.said.startswith("int8: 0 of 1000 labels")


@pytest.mark.parametrize(("flips", "accepted"), [(5, True), (6, False)])
def test_one_label_in_two_hundred_may_differ(flips: int, accepted: bool) -> None:
    generous = LIMITS.model_copy(update={"max_macro_f1_loss": 0.5})
    verdict = judge(TRUTH, TRUTH, with_flips(flips), 4, generous)
    assert (verdict.accepted, verdict.flips) == (accepted, flips)
    assert verdict.said.startswith("int8: " if accepted else "fp32, for in int8 6 of 1000 labels")


def test_few_flips_of_a_rare_class_cost_too_much_macro_f1() -> None:
    truth = np.repeat([0, 1], [990, 10])
    small = truth.copy()
    small[-4:] = 0
    verdict = judge(truth, truth, small, 2, LIMITS)
    assert verdict.flips <= LIMITS.max_flips * len(truth)
    assert verdict.macro_f1_loss > 0.1
    assert not verdict.accepted


def test_flips_to_the_truth_are_flips_but_no_loss() -> None:
    verdict = judge(TRUTH, with_flips(9), TRUTH, 4, LIMITS)
    assert verdict.macro_f1_loss < 0
    assert not verdict.accepted


def test_without_rows_there_is_nothing_to_accept() -> None:
    none = np.empty(0, dtype=np.int64)
    verdict = judge(none, none, none, 4, LIMITS)
    assert not verdict.accepted
    assert verdict.said == "fp32, for no rows were set aside to judge int8 by"
