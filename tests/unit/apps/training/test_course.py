from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from apps.training.course import Course, TrainRequest, choose, fit_family
from apps.training.fitters import fitter
from apps.training.fitting.examples import Examples
from apps.training.fitting.out_of_fold import Fitted
from apps.training.stages import Stages
from libs.common.config.loader import load_config
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.progress import unwatched
from libs.common.models.base import Classifier
from tests.unit.apps.training.mails import mailbox


@pytest.fixture
def course(repo: Path, tmp_path: Path) -> Course:
    dataset = DatasetVersion.model_construct(name="emails", version="1.0.0", digest="d" * 64)
    settings = load_config("local", repo).training
    now = datetime(2026, 1, 2, tzinfo=UTC)
    split, profile = (mailbox(), mailbox(30, seed=9)), settings.compute_resources.development
    return Course(TrainRequest(), dataset, *split, (), settings, profile, now, tmp_path, Stages(unwatched, 3))


@pytest.mark.parametrize(("folds", "judged"), [(1, {0}), (3, {0, 1, 2}), (99, {0, 1, 2, 3, 4})])
def test_each_fold_that_is_asked_for_is_judged_by_a_fit_without_it(course: Course, folds: int, judged: set[int]) -> None:
    trained = fit_family(course, "tabular", fitter("tabular", course.settings), folds)
    rows = trained.answers.rows
    assert sorted(rows) == [row for row, fold in enumerate(course.train.folds) if fold in judged]
    assert (trained.answers.truth == course.train.take(rows).numbers(course.train.classes)).all()
    assert trained.answers.right.mean() > 0.9
    assert trained.details.compute_cost_usd == pytest.approx(0.115 * trained.details.training_duration_hours)
    assert {course.train.folds[row] for row in trained.fitted.aside.rows} == {0}
    assert [path.name for path in course.scratch.iterdir()] == ["tabular"]
    selection = choose(course, {"tabular": trained})
    assert selection.families == ("tabular",)
    assert selection.rows == selection.groups == len(np.unique(rows))


def test_the_hours_are_those_of_all_fits(course: Course) -> None:
    fit, now = fitter("tabular", course.settings), [0.0]

    def fit_for_an_hour(examples: Examples, seed: int, workspace: Path) -> Fitted[Classifier]:
        now[0] += 3600
        return fit(examples, seed, workspace)

    trained = fit_family(course, "tabular", fit_for_an_hour, 3, lambda: now[0])
    assert trained.details.training_duration_hours == 3
    assert trained.details.compute_cost_usd == pytest.approx(0.345)
