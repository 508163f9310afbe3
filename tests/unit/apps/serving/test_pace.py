"""What an engine's pace is learned from."""

import pytest

from apps.serving.pace import LATEST, Pace


def learned(*taken: tuple[int, float]) -> float:
    pace = Pace()
    for emails, seconds in taken:
        pace.learn(emails, seconds)
    return pace.seconds_each


USUAL = [(4, 0.004)] * LATEST


def test_before_the_first_batch_nothing_is_known() -> None:
    assert Pace().seconds_each == 0
    assert learned((4, 0.2)) == pytest.approx(0.05)


def test_one_slow_batch_says_nothing_and_many_are_believed() -> None:
    assert learned(*USUAL, (1, 1.0)) == pytest.approx(0.001)
    assert learned(*USUAL, *[(1, 1.0)] * 4) == pytest.approx(0.001)
    assert learned(*USUAL, *[(1, 1.0)] * 5) == pytest.approx(1.0)


def test_what_is_past_is_forgotten() -> None:
    assert learned(*[(1, 1.0)] * 100, *USUAL) == pytest.approx(0.001)
