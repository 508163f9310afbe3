from pathlib import Path
from typing import get_args

import numpy as np

from apps.training import package, pipeline
from apps.training.evaluation.evaluate import Evaluation, Latency
from apps.training.evaluation.select import SIMPLEST_FIRST, Candidate, rank
from libs.common.config.loader import load_config
from libs.common.config.training import Families, FamilyName
from libs.common.domain.model import PerformanceMetrics
from libs.common.stats.metrics import Interval, confusion, macro_f1

TRUTH = np.array([0, 1, 2] * 200, dtype=np.int64)


def _candidate(family: str, wrong: int) -> Candidate:
    predicted = TRUTH.copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 3
    f1 = float(macro_f1(confusion(TRUTH, predicted, 3)))
    figures = PerformanceMetrics.model_construct(f1_score=f1)
    timed = Latency(calls=1, p50_ms=1.0, p95_ms=1.0)
    sure = np.eye(3)[predicted]
    return Candidate(family, Evaluation(figures, ("a", "b", "c"), TRUTH, predicted, sure, Interval(f1, f1, f1), timed, timed))


def test_a_clearly_better_dear_family_wins() -> None:
    ranked = rank([_candidate("tabular", 60), _candidate("transformer", 20)])
    assert [candidate.family for candidate in ranked] == ["transformer", "tabular"]


def test_a_dear_family_that_is_better_by_chance_only_loses() -> None:
    ranked = rank([_candidate("transformer", 20), _candidate("tabular", 21)])
    assert [candidate.family for candidate in ranked] == ["tabular", "transformer"]


def test_equals_go_to_the_simplest_whatever_their_order() -> None:
    candidates = [_candidate("transformer", 20), _candidate("tabular", 20)]
    assert (
        [one.family for one in rank(candidates)] == [one.family for one in rank(candidates[::-1])] == ["tabular", "transformer"]
    )


def test_every_configured_family_is_known_wherever_one_is_looked_up(repo: Path) -> None:
    families = set(SIMPLEST_FIRST)
    settings = load_config("local", repo).training
    assert all(callable(pipeline._fitter(family, settings)) for family in families)
    assert families == set(get_args(FamilyName)) == Families.model_fields.keys() - {"default"}
    assert families == set(package._PACKAGES) == set(pipeline._ARCHITECTURES)


def test_one_candidate_is_the_best() -> None:
    assert [candidate.family for candidate in rank([_candidate("transformer", 90)])] == ["transformer"]
