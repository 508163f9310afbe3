"""Threads stay together, classes keep their shares, and the order of the rows changes nothing."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.datasets.split import SplitRow, split_rows, thread_groups
from libs.common.domain.dataset import Split

START = datetime(2025, 1, 1, tzinfo=UTC)
LINKS = st.lists(
    st.tuples(st.integers(0, 40), st.lists(st.integers(0, 12), max_size=3)), max_size=40, unique_by=lambda link: link[0]
)


def rows_of(n: int = 1000) -> list[SplitRow]:
    """Three classes of 70, 25 and 5 %, in threads of 1 to 6 mails."""
    draw = random.Random(1)
    labels = draw.choices(["a", "b", "c"], [70, 25, 5], k=n)
    threads = [f"t{n // draw.randint(1, 6)}" for n in range(n)]
    return [SplitRow(f"r{i}", labels[i], threads[i], START + timedelta(hours=i)) for i in range(n)]


def test_rows_that_share_any_name_are_in_one_group_named_by_its_smallest() -> None:
    groups = thread_groups([("c", ["1", "2"]), ("b", ["2", "3"]), ("a", ["4"]), ("d", []), ("e", ["3"])])
    assert groups == {"c": "b", "b": "b", "e": "b", "a": "a", "d": "d"}


@given(LINKS, st.randoms())
def test_groups_do_not_depend_on_the_order(links: list[tuple[int, list[int]]], draw: random.Random) -> None:
    named = [(f"r{key:02}", [str(name) for name in names]) for key, names in links]
    shuffled = draw.sample(named, len(named))
    groups = thread_groups(named)
    assert groups == thread_groups(shuffled)
    for key, names in named:
        for other, others in named:
            if set(names) & set(others):
                assert groups[key] == groups[other]


@pytest.mark.parametrize("order", ["random", "time"])
def test_threads_stay_together_and_the_input_order_is_nothing(order: str) -> None:
    rows = rows_of()
    parts = split_rows(rows, 0.2, 5, 7, "time" if order == "time" else "random")
    assert parts == split_rows(rows[::-1], 0.2, 5, 7, "time" if order == "time" else "random")
    by_thread = {row.thread: parts[row.key] for row in rows}
    assert all(parts[row.key] == by_thread[row.thread] for row in rows)
    assert all((part.fold == -1) == (part.split is Split.HOLDOUT) for part in parts.values())


def test_every_part_has_its_size_and_the_class_shares_of_the_whole() -> None:
    rows = rows_of()
    parts = split_rows(rows, 0.2, 5, 0, "random")
    sizes = Counter(part.fold for part in parts.values())
    assert abs(sizes[-1] - 200) <= 4
    assert max(sizes[fold] for fold in range(5)) - min(sizes[fold] for fold in range(5)) <= 6
    whole = Counter(row.label for row in rows)
    for fold in range(-1, 5):
        there = Counter(row.label for row in rows if parts[row.key].fold == fold)
        assert all(abs(there[label] / sizes[fold] - whole[label] / 1000) < 0.025 for label in whole)


def test_another_seed_gives_another_split() -> None:
    rows = rows_of(200)
    assert split_rows(rows, 0.2, 5, 0, "random") != split_rows(rows, 0.2, 5, 1, "random")


def test_by_time_nothing_trained_on_is_younger_than_any_held_out_thread() -> None:
    rows = [*rows_of(300), SplitRow("undated", "a", "u")]
    parts = split_rows(rows, 0.2, 5, 0, "time")
    ends: dict[str, datetime] = {}
    for row in rows:
        if row.sent_at is not None:
            ends[row.thread] = max(ends.get(row.thread, row.sent_at), row.sent_at)
    held = {row.thread for row in rows if parts[row.key].split is Split.HOLDOUT}
    assert "u" not in held
    assert max(end for thread, end in ends.items() if thread not in held) < min(ends[thread] for thread in held)
    assert 60 <= sum(row.thread in held for row in rows) <= 70
