from pathlib import Path
from typing import Any

import pytest

from apps.training.fitting import fit_tabular
from apps.training.fitting.examples import Examples
from apps.training.search.objective import Subject, judge_fold, try_folds
from libs.common.config.loader import load_config
from libs.common.errors import ConfigError
from libs.common.models.base import Classifier
from tests.unit.apps.training.mails import mailbox

TRAIN = mailbox(45)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(TRAIN, "tabular", load_config("local").training, seed=0)


def reports(subject: Subject, options: dict[str, Any], known: int = 0) -> list[dict[str, Any]]:
    reported: list[dict[str, Any]] = []
    try_folds(subject, options, known, reported.append)
    return reported


def test_each_fold_is_judged_by_a_fit_on_the_others() -> None:
    seen: list[Examples] = []

    def fit(examples: Examples, seed: int, workspace: Path) -> Classifier:
        assert workspace.is_dir()
        seen.append(examples)
        return fit_tabular.fit_once(examples, load_config("local").training.families.tabular, seed)

    assert judge_fold(fit, TRAIN, 3, seed=0) > 0.8
    assert set(seen[0].folds) == {0, 1, 2, 4} and len(seen[0]) == 36


def test_scores_are_reported_fold_by_fold_and_those_known_are_left_out(subject: Subject) -> None:
    whole = reports(subject, {"min_documents": 1})
    assert [report["fold"] for report in whole] == [0, 1, 2, 3, 4]
    assert all(0.5 < report["score"] <= 1 for report in whole)
    assert reports(subject, {"min_documents": 1}, known=3) == whole[3:]


def test_options_decide_the_fit(subject: Subject) -> None:
    few = reports(subject, {"max_terms": 1, "edge_weight": 0.0, "gram_weight": 0.0, "metadata_weight": 0.0}, known=4)
    assert few[0]["score"] < reports(subject, {}, known=4)[0]["score"]


def test_options_that_cannot_be_fitted_are_reported_and_end_the_trial(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Classifier:
        raise ValueError("no term is left")

    monkeypatch.setattr(fit_tabular, "fit_once", refuse)
    assert reports(subject, {}) == [{"failed": "no term is left"}]


def test_what_is_no_fault_of_the_options_goes_up(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: object) -> Classifier:
        raise MemoryError

    monkeypatch.setattr(fit_tabular, "fit_once", run_out)
    with pytest.raises(MemoryError):
        reports(subject, {})


def test_options_that_the_section_refuses_are_an_error(subject: Subject) -> None:
    with pytest.raises(ConfigError, match="max_terms"):
        reports(subject, {"max_terms": 0})
