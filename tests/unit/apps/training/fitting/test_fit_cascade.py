import numpy as np
import pytest

from apps.training.fitting.fit_cascade import choose_escalation
from libs.common.config.training import CascadeFamily
from libs.common.models.base import Probabilities
from libs.common.models.cascade import Escalation
from libs.common.stats.intervals import wilson_interval

ROWS = 1000


def options(max_escalation: float = 0.15, agreement: float = 1.0) -> CascadeFamily:
    return CascadeFamily(max_escalation=max_escalation, agreement=agreement)


def of(second: np.ndarray) -> Probabilities:
    return np.column_stack([1 - second, second])


def two(seed: int = 0, hard: float = 0.1) -> tuple[Probabilities, Probabilities, np.ndarray]:
    """A light classifier that guesses on the ``hard`` share of the rows and knows it, and a heavy one that is right there."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, ROWS)
    guesses = np.arange(ROWS) < hard * ROWS
    right = np.where(guesses, chance.uniform(0.3, 0.6, ROWS), chance.uniform(0.9, 0.99, ROWS))
    light = np.where(truth == 1, right, 1 - right)
    return of(light), of(np.where(truth == 1, 0.95, 0.05)), truth


def chosen_on(light: Probabilities, found: Escalation) -> np.ndarray:
    return light.max(axis=1) < found.threshold


def test_the_rows_that_the_light_classifier_guesses_at_go_on_and_no_others() -> None:
    light, heavy, truth = two()
    found = choose_escalation(light, heavy, truth, options())
    asked = chosen_on(light, found)
    assert found.share == asked.mean() <= 0.1
    assert not asked[ROWS // 10 :].any()
    answers = np.where(asked[:, np.newaxis], found.weight * heavy + (1 - found.weight) * light, light)
    assert (answers.argmax(axis=1) == truth).all()
    assert (light.argmax(axis=1) == truth).mean() < 0.97
    assert found.agreement == 1.0


def test_no_more_goes_on_than_the_agreement_asks_for() -> None:
    light, heavy, truth = two()
    less, all_of_it = (choose_escalation(light, heavy, truth, options(agreement=agreed)) for agreed in (0.98, 1.0))
    assert 0.98 <= less.agreement < 1.0
    assert less.share < all_of_it.share
    assert less.weight == all_of_it.weight


def test_where_the_agreement_is_out_of_reach_the_bound_holds() -> None:
    light, heavy, truth = two(hard=0.5)
    found = choose_escalation(light, heavy, truth, options(max_escalation=0.15))
    asked = int(chosen_on(light, found).sum())
    assert found.agreement < 1.0
    assert wilson_interval(asked, ROWS).high <= 0.15 < wilson_interval(asked + 1, ROWS).high


@pytest.mark.parametrize(("better", "weight"), [("heavy", 1.0), ("light", 0.0)])
def test_the_better_of_the_two_weighs_most(better: str, weight: float) -> None:
    light, heavy, truth = two()
    if better == "light":
        heavy = heavy[:, ::-1]
    assert choose_escalation(light, heavy, truth, options()).weight == weight


def test_rows_of_the_same_confidence_go_on_together_or_not_at_all() -> None:
    light = of(np.repeat([0.4, 0.9], [300, 700]))
    found = choose_escalation(light, of(np.full(ROWS, 0.9)), np.ones(ROWS, dtype=np.int64), options())
    assert (found.share, found.threshold) == (0.0, 0.6)
    assert not chosen_on(light, found).any()


def test_without_rows_the_light_classifier_answers_all() -> None:
    nothing = np.empty((0, 2))
    found = choose_escalation(nothing, nothing, np.empty(0, dtype=np.int64), options())
    assert found == Escalation(threshold=0.0, weight=0.0, share=0.0, agreement=1.0)
