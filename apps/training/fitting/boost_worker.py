"""What one Ray Train worker of the boosted family does: grow trees on rows of features, and report them.

Runs inside the worker process only; the driver's side is `apps.training.fitting.fit_boosted`.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.imbalance import class_weights
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

    def take(self, chosen: NDArray[np.bool_] | slice) -> "Rows":
        """Some of them."""
        return Rows(self.features[chosen], self.truth[chosen])


@dataclass(frozen=True)
class TreeLesson:
    """What is to be learned, and how; ``judge`` (n,) marks the rows on which a first growing is judged.

    Where all rows are marked, or none, growing is not judged.
    """

    learn: Rows
    judge: NDArray[np.bool_]
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
    """The trees on all rows, as many as judged best on some of them when grown on the others; else all rounds."""
    import xgboost

    share = slice(rank, None, workers)
    rounds = _best_rounds(lesson, share) if 0 < lesson.judge.sum() < len(lesson.judge) else lesson.options.rounds
    return xgboost.train(_parameters(lesson), _matrix(lesson.learn, lesson.classes, share), num_boost_round=rounds)


def _best_rounds(lesson: TreeLesson, share: slice) -> int:
    import xgboost
    from xgboost.callback import EarlyStopping

    learn, judge = (_matrix(lesson.learn.take(rows), lesson.classes, share) for rows in (~lesson.judge, lesson.judge))
    trees = xgboost.train(
        _parameters(lesson),
        learn,
        num_boost_round=lesson.options.rounds,
        evals=[(judge, "judge")],
        callbacks=[EarlyStopping(rounds=lesson.options.patience)],
        verbose_eval=False,
    )
    return trees.best_iteration + 1


def _matrix(rows: Rows, classes: int, share: slice) -> "DMatrix":
    """One worker's share of the rows, weighed as all of them say."""
    import xgboost

    own, weights = rows.take(share), class_weights(rows.truth, classes)
    return xgboost.DMatrix(own.features, label=own.truth, weight=weights[own.truth])


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
