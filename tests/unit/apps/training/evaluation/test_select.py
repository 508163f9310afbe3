from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from apps.training.evaluation.evaluation_page import selection_said
from apps.training.evaluation.select import SIMPLEST_FIRST, Selection, select
from apps.training.fitters import fitter
from apps.training.fitting.out_of_fold import OutOfFold
from apps.training.packaging import provenance, requirements, sbom_figures
from libs.common.config.loader import load_config
from libs.common.config.training import Families, FamilyName, SummarizerName

TRUTH = np.array([0, 1, 2] * 200, dtype=np.int64)
ALONE = np.arange(600)


def _answers(wrong: int, count: int = 600) -> OutOfFold:
    """The first ``wrong`` of the answers are."""
    predicted = TRUTH[:count].copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 3
    return OutOfFold(np.arange(count), TRUTH[:count], np.eye(3)[predicted])


def _select(wrong: dict[str, int], groups: np.ndarray = ALONE) -> Selection:
    return select({family: _answers(count) for family, count in wrong.items()}, groups)


def test_a_clearly_better_dear_family_wins() -> None:
    found = _select({"tabular": 60, "transformer": 20})
    assert found.families == ("transformer", "tabular")
    assert found.standings[0].behind.value == 0
    assert 0 < found.standings[1].behind.low < found.standings[1].behind.value
    assert found.standings[1].accuracy.value == pytest.approx(0.9)
    assert "Taken is transformer, before the holdout was read, over tabular" in selection_said(found)


def test_a_dear_family_that_is_better_by_chance_only_loses() -> None:
    assert _select({"transformer": 20, "tabular": 21}).families == ("tabular", "transformer")


def test_what_is_better_in_one_campaign_only_is_better_by_chance() -> None:
    """Forty mails more are right, but all are copies of one."""
    found = _select({"tabular": 60, "transformer": 20}, np.where(np.arange(600) < 60, 0, np.arange(600)))
    assert found.families == ("tabular", "transformer")
    assert (found.rows, found.groups) == (600, 541)


def test_equals_go_to_the_simplest_whatever_their_order() -> None:
    for families in (("tabular", "transformer"), ("transformer", "tabular")):
        assert _select(dict.fromkeys(families, 20)).families == ("tabular", "transformer")


def test_the_simplest_within_noise_of_the_best_is_taken_though_another_is_between_them() -> None:
    assert _select({"tabular": 90, "transformer": 22, "boosted": 20}).families == ("transformer", "boosted", "tabular")


def test_without_an_answer_out_of_fold_the_simplest_is_taken() -> None:
    nothing = {family: _answers(0, count=0) for family in ("boosted", "tabular")}
    assert select(nothing, ALONE[:0]).families == ("tabular", "boosted")


def test_families_that_answered_to_different_rows_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same rows"):
        select({"tabular": _answers(1), "boosted": _answers(1, count=300)}, ALONE)


def test_every_configured_family_is_known_wherever_one_is_looked_up(repo: Path) -> None:
    families = set(SIMPLEST_FIRST)
    settings = load_config("local", repo).training
    assert all(callable(fitter(family, settings)) for family in families)
    assert families == set(get_args(FamilyName)) == Families.model_fields.keys() - {"default"}
    for table in (requirements._PACKAGES, provenance._ARCHITECTURES, sbom_figures._ARCHITECTURE_FAMILIES):
        assert families | set(get_args(SummarizerName)) == set(table)


def test_one_candidate_is_the_best() -> None:
    assert _select({"transformer": 90}).families == ("transformer",)
