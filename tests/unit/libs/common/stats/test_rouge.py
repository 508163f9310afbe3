import numpy as np
import pytest

from libs.common.stats.rouge import copy_rate, rouge, stems, words


def test_figures_by_hand() -> None:
    """3 of 4 words against 3 of 5, 1 of 3 pairs against 1 of 4, and a longest common subsequence of 3."""
    ((one, two, longest),) = rouge(["the late report friday"], [["the report due on friday"]])
    assert (one, two, longest) == pytest.approx((6 / 9, 0.0, 6 / 9))
    ((one, two, longest),) = rouge(["report the late friday"], [["the late report due friday"]])
    assert (one, two, longest) == pytest.approx((8 / 9, 2 / 7, 6 / 9))


def test_of_several_references_the_best_counts_for_each_kind() -> None:
    assert rouge(["meeting on monday"], [["lunch", "monday meeting", "on monday"]]) == pytest.approx(
        np.array([[4 / 5, 2 / 3, 4 / 5]])
    )


def test_an_empty_line_earns_nothing_and_no_line_no_row() -> None:
    assert (rouge([""], [["a reference"]]) == 0).all()
    assert rouge([], []).shape == (0, 3)


def test_stems_join_what_words_tell_apart() -> None:
    assert words("Meetings, RE-scheduled!") == ["meetings", "re", "scheduled"]
    assert stems("meetings scheduled") == stems("meeting schedules")


def test_the_copy_rate_is_the_share_of_words_that_stand_in_the_text() -> None:
    assert copy_rate("Meeting moved", "the meeting was moved.") == 1
    assert copy_rate("meeting cancelled", "The meeting is off.") == 0.5
    assert copy_rate("", "a text") == 0
