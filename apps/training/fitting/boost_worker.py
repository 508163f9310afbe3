"""What one Ray Train worker of the boosted family does: grow trees on rows of features, and report them.

Runs inside the worker process only; the driver's side is `apps.training.fitting.fit_boosted`.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from libs.common.config.training import BoostedFamily
from libs.common.features.mail_features import Array
from libs.common.models.boosted import TREES

if TYPE_CHECKING:
    from xgboost import Booster, DMatrix


@dataclass(frozen=True)
class Rows:
    """Features (n, f) and class numbers (n,)."""

    features: Array
    truth: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class TreeLesson:
    """What is to be learned, on what growing is judged (no rows: it is not), and how."""

    learn: Rows
    judge: Rows
    classes: int
    options: BoostedFamily
    seed: int


def boost(lesson: TreeLesson) -> None:
    """Grow on this worker's share of the rows; rank 0 hands in the trees, which are the same on every worker."""
    import ray.train

    context = ray.train.get_context()
    os.nice(max(0, lesson.options.niceness - os.nice(0)))
    trees = grow(lesson, context.get_world_rank(), context.get_world_size())
    if context.get_world_rank():
        ray.train.report({"trees": trees.num_boosted_rounds()})
        return
    with tempfile.TemporaryDirectory() as folder:
        trees.save_model(Path(folder) / TREES)
        ray.train.report({"trees": trees.num_boosted_rounds()}, checkpoint=ray.train.Checkpoint.from_directory(folder))


def grow(lesson: TreeLesson, rank: int = 0, workers: int = 1) -> "Booster":
    """The trees up to the round that judged best, or all rounds where there is nothing to judge on."""
    import xgboost
    from xgboost.callback import EarlyStopping

    weights = class_weights(lesson.learn.truth, lesson.classes)
    evals: list[tuple[DMatrix, str]] = []
    callbacks: list[Any] = []
    if len(lesson.judge):
        evals = [(_matrix(lesson.judge, weights, rank, workers), "judge")]
        callbacks = [EarlyStopping(rounds=lesson.options.patience, save_best=True)]
    return xgboost.train(
        _parameters(lesson),
        _matrix(lesson.learn, weights, rank, workers),
        num_boost_round=lesson.options.rounds,
        evals=evals,
        callbacks=callbacks,
        verbose_eval=False,
    )


def class_weights(truth: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """(k,) what a row of each class weighs, so that all classes weigh the same and a row weighs 1 on average."""
    counts = np.bincount(truth, minlength=classes)
    return len(truth) / (classes * np.maximum(counts, 1))


def _matrix(rows: Rows, weights: NDArray[np.float64], rank: int, workers: int) -> "DMatrix":
    import xgboost

    share = slice(rank, None, workers)
    return xgboost.DMatrix(rows.features[share], label=rows.truth[share], weight=weights[rows.truth[share]])


def _parameters(lesson: TreeLesson) -> dict[str, object]:
    options = lesson.options
    return {
        "objective": "multi:softprob",
        "num_class": lesson.classes,
        "tree_method": "hist",
        "eta": options.learning_rate,
        "max_depth": options.max_depth,
        "min_child_weight": options.min_child_weight,
        "subsample": options.row_share,
        "colsample_bynode": options.feature_share,
        "nthread": options.threads_per_worker,
        "seed": lesson.seed,
    }
