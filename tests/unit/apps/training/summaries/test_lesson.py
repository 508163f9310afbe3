from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.training.summaries.lesson import UNTAUGHT, WritingLesson, batch_of
from apps.training.summaries.pretrained import Pretrained
from libs.common.features.prompts import GPT, T5
from tests.unit.apps.training.summaries.small_models import options

EOS = 9
BASE = Pretrained("none", Path(), Path(), EOS)


def lesson(prompts: list[list[int]], lines: list[list[int]], **changed: object) -> WritingLesson:
    def rows(tokens: list[list[int]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], ...]:
        return tuple(np.array(row, dtype=np.int32) for row in tokens)

    return WritingLesson(rows(prompts), rows(lines), T5, BASE, options(BASE.folder, **changed), seed=0)


SHORT = lesson([[2, 3], [4, 5, 6]], [[7, 8, EOS], [7, EOS]])


def test_a_model_that_writes_apart_is_taught_the_lines_alone() -> None:
    batch = batch_of(SHORT, np.array([0, 1]))
    assert batch.inputs["input_ids"].tolist() == [[2, 3, 0], [4, 5, 6]]
    assert batch.inputs["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.labels.tolist() == batch.inputs["labels"].tolist() == [[7, 8, EOS], [7, EOS, UNTAUGHT]]


def test_a_model_that_goes_on_is_taught_the_lines_behind_the_prompts() -> None:
    batch = batch_of(replace(SHORT, form=GPT), np.array([0, 1]))
    assert batch.inputs["input_ids"].tolist() == [[2, 3, 7, 8, EOS], [4, 5, 6, 7, EOS]]
    assert batch.labels.tolist() == [[7, 8, EOS], [UNTAUGHT, 7, EOS]]
    assert batch.inputs["logits_to_keep"] == 4, "three answers, and what precedes the first"


@pytest.mark.parametrize("workers", [1, 2])
def test_every_mail_is_learned_each_epoch_in_steps_that_all_workers_share(workers: int) -> None:
    many = lesson([[2] * (place % 7 + 1) for place in range(50)], [[EOS]] * 50, batch_size=4, accumulation=3)
    shares = [many.steps_of(1, rank, workers) for rank in range(workers)]
    assert len({tuple(len(step) for step in share) for share in shares}) == 1
    assert {int(row) for share in shares for step in share for rows in step for row in rows} == set(range(50))
    assert all(len(step) <= 3 and all(len(rows) <= 4 for rows in step) for share in shares for step in share)
    assert many.taught(shares[0][0]) == sum(len(rows) for rows in shares[0][0])
