from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.training.fitting.lesson import Lesson, TokenRows
from libs.common.config.loader import load_config


def _rows(*texts: list[int]) -> TokenRows:
    tokens = tuple(np.array(text, dtype=np.int32) for text in texts)
    return TokenRows(tokens, np.arange(len(texts), dtype=np.int64))


@pytest.fixture
def lesson(repo: Path, tmp_path: Path) -> Lesson:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    options = load_config("local", repo).training.families.transformer
    return Lesson(_rows([1, 2], [3]), _rows([4]), ("a", "b"), str(tmp_path), options, 0)


CHANGES: list[Callable[[Lesson], Lesson]] = [
    lambda lesson: replace(lesson, learn=_rows([1], [2, 3])),
    lambda lesson: replace(lesson, learn=replace(lesson.learn, truth=lesson.learn.truth[::-1].copy())),
    lambda lesson: replace(lesson, learn=_rows([1, 2]), judge=_rows([3], [4])),
    lambda lesson: replace(lesson, labels=("a", "c")),
    lambda lesson: replace(lesson, seed=1),
    lambda lesson: replace(lesson, options=lesson.options.model_copy(update={"epochs": 9})),
]


@pytest.mark.parametrize("change", CHANGES)
def test_lessons_that_end_otherwise_have_another_digest(lesson: Lesson, change: Callable[[Lesson], Lesson]) -> None:
    assert lesson.digest() == replace(lesson).digest() != change(lesson).digest()


def test_other_weights_under_the_same_name_are_another_lesson(lesson: Lesson) -> None:
    before = lesson.digest()
    (Path(lesson.encoder) / "model.safetensors").write_bytes(b"others")
    assert lesson.digest() != before


def test_rows_are_taken_in_the_given_order() -> None:
    taken = _rows([1, 2], [3], [4]).take([2, 0])
    assert [row.tolist() for row in taken.tokens] == [[4], [1, 2]]
    assert taken.truth.tolist() == [2, 0]
    assert len(taken.take([])) == 0
