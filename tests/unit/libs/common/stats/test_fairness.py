import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.stats.fairness import demographic_parity, disparity, equal_opportunity

ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=120)


@given(ROWS)
def test_a_shrunk_rate_lies_between_what_was_seen_and_the_rate_of_all(rows: list[tuple[str, bool]]) -> None:
    groups, held = zip(*rows, strict=True)
    found = disparity(np.array(held), groups)
    assert [group.group for group in found.groups] == sorted(set(groups))
    assert sum(group.count for group in found.groups) == len(rows)
    for group in found.groups:
        low, high = sorted((group.seen, found.overall))
        assert low - 1e-9 <= group.rate <= high + 1e-9
        assert 0 <= group.low < group.high <= 1
    spread = [found.overall, *(group.seen for group in found.judged)]
    assert 0 <= found.gap <= max(spread) - min(spread) + 1e-9


def test_the_smaller_a_group_the_more_it_is_shrunk() -> None:
    groups = ["large"] * 400 + ["other"] * 400 + ["small"] * 4
    held = np.array([True] * 200 + [False] * 200 + [True] * 360 + [False] * 40 + [False] * 4)
    found = disparity(held, groups)
    rates = {group.group: group for group in found.groups}
    assert rates["large"].rate == pytest.approx(0.5, abs=0.01)
    assert rates["small"].seen == 0
    assert 0.1 < rates["small"].rate < found.overall
    assert rates["small"].high - rates["small"].low > 5 * (rates["large"].high - rates["large"].low)


def test_groups_that_differ_by_chance_only_are_all_given_the_rate_of_all() -> None:
    groups = ["a"] * 100 + ["b"] * 100
    found = disparity(np.array([True, False] * 100), groups)
    assert [group.rate for group in found.groups] == pytest.approx([0.5, 0.5])
    assert found.disadvantaged(0.1) == ()


def test_no_false_alarm_on_many_small_groups_and_a_group_treated_worse_is_found() -> None:
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(100):
        groups = [f"domain{number}" for number in generator.zipf(1.4, 1500).clip(max=5000)]
        alarms += bool(disparity(generator.random(1500) < 0.9, groups).disadvantaged(0.1))
    assert alarms <= 5
    groups = [f"domain{number % 20}" for number in range(1500)]
    held = generator.random(1500) < np.array([0.5 if group == "domain7" else 0.9 for group in groups])
    assert [group.group for group in disparity(held, groups).disadvantaged(0.1)] == ["domain7"]


def test_one_wrong_answer_in_a_group_of_few_is_no_ones_fault() -> None:
    """Where all others are right, the moments leave that group to itself."""
    found = disparity(np.array([True] * 300 + [False]), ["a"] * 150 + ["b"] * 150 + ["few"])
    assert found.disadvantaged(0.1) == ()
    assert found.gap == pytest.approx(0, abs=0.01)


def test_parity_looks_at_all_rows_and_opportunity_at_those_of_the_label() -> None:
    truth = np.array([0, 0, 1, 1], dtype=np.int64)
    predicted = np.array([0, 1, 0, 1], dtype=np.int64)
    groups = ["a", "b", "a", "b"]
    assert [group.seen for group in demographic_parity(predicted, groups, 0).groups] == [1, 0]
    assert [(group.count, group.seen) for group in equal_opportunity(truth, predicted, groups, 0).groups] == [(1, 1), (1, 0)]
    assert equal_opportunity(truth, predicted, groups, 2).gap == 0
