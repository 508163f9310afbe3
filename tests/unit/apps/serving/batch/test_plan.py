"""Which parts are still to be made, and which folders a run may add to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.serving.batch.plan import (
    Manifest,
    Tally,
    further,
    headway_of,
    part_name,
    parts_among,
    pending,
    quarantine_name,
    require_same,
)
from libs.common.domain.batch import Headway
from libs.common.errors import DataError

COUNTS = st.lists(st.integers(0, 5000), min_size=1, max_size=40)


def manifest(**changed: Any) -> Manifest:
    made = Manifest(
        source="/mails.parquet",
        source_digest="a" * 64,
        columns={"body": "text"},
        batch_size=256,
        model="email_classifier",
        version="3",
        model_digest="b" * 64,
        labels=("spam", "work"),
        parts=(1000, 1000, 17),
    )
    return made.model_copy(update=changed)


@given(COUNTS, st.data())
def test_what_is_pending_and_what_is_there_are_the_whole_plan_once(counts: list[int], data: st.DataObject) -> None:
    plan = manifest(parts=tuple(counts))
    numbers = range(len(counts))
    done = frozenset(data.draw(st.sets(st.sampled_from(list(numbers)))))
    litter = ["_manifest.json", quarantine_name(0), ".partial-x", "part-000001.parquet.tmp", "part-1.parquet"]
    assert parts_among([*(part_name(number) for number in done), *litter]) == done
    missing = pending(plan, done)
    assert sorted([*missing, *done]) == list(numbers)
    assert list(missing) == sorted(missing)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_parts_sort_by_name_as_in_the_source_as_long_as_there_are_fewer_than_a_million(first: int, second: int) -> None:
    assert parts_among([part_name(first), part_name(second)]) == {first, second}
    if max(first, second) < 10**6:
        assert (part_name(first) < part_name(second)) == (first < second)


def test_headway_counts_what_lies_there_and_what_is_made() -> None:
    tallies = [
        Tally(part=number, labels={"spam": 10}, quarantined=number, digest="d" * 64, size_bytes=1) for number in range(3)
    ]
    assert headway_of(manifest(), ()) == Headway(parts=3, mails=2017)
    whole = further(headway_of(manifest(), tallies[:2]), tallies[2])
    assert whole == Headway(parts=3, parts_done=3, mails=2017, mails_done=33, quarantined=3)


def test_a_part_that_the_plan_has_not_is_refused() -> None:
    with pytest.raises(DataError, match=r"part-000003\.parquet belongs to no part of /mails\.parquet"):
        pending(manifest(), frozenset({0, 3}))


def test_the_same_run_goes_on() -> None:
    require_same(manifest(), Manifest.model_validate_json(manifest().model_dump_json()), "out")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"source": "/other"}, "source /other, not /mails.parquet"),
        ({"source_digest": "c" * 64}, "source_digest cccc"),
        ({"version": "2", "model_digest": "d"}, "version 2, not 3"),
        ({"model": "other"}, "model other, not email_classifier"),
        ({"model_digest": "e"}, "model_digest e, not bbbb"),
        ({"columns": {}}, "columns none, not body=text"),
        ({"batch_size": 32}, "batch_size 32, not 256"),
        ({"parts": (1000, 1017)}, "the source cut into 2 parts"),
        ({"format": 0}, "format 0, not 1"),
    ],
)
def test_whatever_differs_is_named_and_what_to_write_instead(changed: dict[str, Any], said: str) -> None:
    there = manifest(**changed)
    with pytest.raises(DataError, match=f"out holds the triage of {said}") as caught:
        require_same(manifest(), there, "out")
    assert f"{there.source} --model {there.model} --version {there.version}" in caught.value.hint
