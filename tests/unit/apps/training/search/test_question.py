from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.training.search.question import Question, TuneRequest
from apps.training.search.tune import trials_at_once
from libs.common.config.loader import load_config
from libs.common.config.training import with_options
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, Split
from libs.common.errors import DataError, ModelError
from tests.unit.apps.training.mails import mailbox

TRAINING = load_config("local", Path(__file__).resolve().parents[5]).training
DATASET = DatasetVersion(
    name="emails",
    version="1.0.0",
    digest="d" * 64,
    rows=45,
    classes={"invoice": 15, "meeting": 15, "spam": 15},
    splits={Split.TRAIN: 45},
    files={},
    lineage=Lineage(sources=(), code_commit="unknown", config_digest=""),
    quality=QualityReport(rows_read=45, rows_kept=45, quarantined={}, duplicates=0, score=1.0),
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
)
QUESTION = Question(TuneRequest(), TRAINING, DATASET, mailbox(45))


def test_the_plan_is_the_configured_space_over_the_datasets_own_folds() -> None:
    plan = QUESTION.plan
    assert plan.space == TRAINING.search.families["tabular"].space
    assert (plan.trials, plan.course.folds, plan.course.generation) == (40, 5, 4)
    assert replace(QUESTION, request=TuneRequest(trials=7)).plan.trials == 7


def test_a_search_keeps_its_name_when_only_the_number_of_trials_changes() -> None:
    assert replace(QUESTION, request=TuneRequest(trials=7)).key == QUESTION.key
    others = [
        replace(QUESTION, request=TuneRequest(seed=1)),
        replace(QUESTION, request=TuneRequest(family="boosted")),
        replace(QUESTION, dataset=DATASET.model_copy(update={"digest": "e" * 64})),
        replace(QUESTION, settings=with_options(TRAINING, "tabular", {"max_terms": 4000})),
        replace(QUESTION, train=replace(mailbox(45), folds=(0, 1, 2) * 15)),
    ]
    assert len({QUESTION.key, *(other.key for other in others)}) == 6


def test_a_family_without_a_space_and_rows_without_folds_are_refused() -> None:
    with pytest.raises(ModelError, match="no space for 'oracle'"):
        _ = replace(QUESTION, request=TuneRequest(family="oracle")).plan
    with pytest.raises(DataError, match="one fold"):
        _ = replace(QUESTION, train=replace(mailbox(45), folds=(0,) * 45)).plan


@pytest.mark.parametrize(
    ("family", "options", "cpus", "gpus", "at_once"),
    [
        ("tabular", {}, 2, 0, 2),
        ("tabular", {}, 16, 0, 4),
        ("tabular", {}, 0.5, 0, 1),
        ("transformer", {"workers": 2}, 6, 0, 3),
        ("transformer", {"workers": 1, "use_gpu": True}, 16, 2, 2),
        ("transformer", {"workers": 2, "use_gpu": True}, 6, 0, 3),
        ("boosted", {"actors": 6}, 6, 0, 2),
    ],
)
def test_as_many_trials_run_at_once_as_the_cluster_holds(
    family: str, options: dict[str, Any], cpus: float, gpus: float, at_once: int
) -> None:
    families = with_options(TRAINING, family, options).families
    assert trials_at_once(family, families, {"CPU": cpus, "GPU": gpus}, most=4) == at_once
