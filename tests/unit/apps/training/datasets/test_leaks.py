"""Planted leaks are found and their rows named; where nothing was planted, nothing is found."""

import numpy as np

from apps.training.datasets import leaks
from apps.training.datasets.leaks import Placed, predictable_sources, telling_words, torn


def placed(group: str, *parts: str) -> list[Placed]:
    return [Placed(f"{group}#{place}", part, group) for place, part in enumerate(parts)]


def test_a_group_in_two_parts_is_named_with_all_its_rows() -> None:
    rows = [
        *placed("whole", "train 1", "train 1"),
        *placed("cut", "train 1", "holdout -1"),
        *placed("folds", "train 1", "train 2"),
    ]
    (found,) = torn(leaks.THREAD, rows)
    assert found.kind == leaks.THREAD
    assert found.rows == ("cut#0", "cut#1", "folds#0", "folds#1")
    assert found.said.startswith("threads") and found.said.endswith(": 2")
    assert torn(leaks.CAMPAIGN, placed("whole", "train 1", "train 1")) == []


def test_a_word_that_almost_names_a_label_is_told_from_one_that_hints_at_it() -> None:
    counts = np.zeros((2, 8), dtype=np.int32)
    counts[0, 1], counts[1, 1] = 95, 2  # almost the label
    counts[0, 2], counts[1, 2] = 60, 20  # a hint
    counts[:, 3] = 100  # a word of every mail
    (found,) = telling_words(counts, [100, 100])
    assert (found.bucket, found.group) == (1, 0)
    assert found.dice == 2 * 95 / (97 + 100)


def test_a_word_in_every_mail_tells_nothing_where_one_group_is_nearly_all() -> None:
    counts = np.array([[990, 0], [10, 0]], dtype=np.int32)
    assert telling_words(counts, [990, 10]) == []


def test_sources_that_can_be_told_apart_are_a_finding_those_that_cannot_are_none() -> None:
    known = [(f"row {n}", "ab"[n % 2], "ab"[n % 2]) for n in range(100)]
    (found,) = predictable_sources(known, ["a", "b"])
    assert (found.kind, found.count) == (leaks.SOURCE, 100)
    assert "row 0" in found.rows
    assert predictable_sources([(row, source, "a") for row, source, _ in known], ["a", "b"]) == []
    assert predictable_sources(known[:20], ["a", "b"]) == []


def test_the_words_of_a_group_point_to_it() -> None:
    counts = np.array([[50, 0, 25], [0, 50, 25]], dtype=np.int32)
    odds = leaks.log_odds(counts, [50, 50])
    assert leaks.guess(np.array([0, 2], dtype=np.uint32), odds) == 0
    assert leaks.guess(np.array([1, 2], dtype=np.uint32), odds) == 1
