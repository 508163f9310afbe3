from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from apps.training.datasets.rows import DATASET, TABLE, ingested_row
from apps.training.fitting.examples import (
    Origin,
    led_by_fold,
    read_examples,
    require_classes,
    set_aside,
    stratified_sample,
)
from libs.common.domain.dataset import Split
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import DataError
from tests.unit.apps.training.mails import mailbox


def test_a_sample_keeps_the_shares_of_the_labels_and_repeats_with_the_seed() -> None:
    examples = mailbox(300)
    rows = stratified_sample(examples, 90, seed=2)
    assert Counter(examples.take(rows).labels) == {"invoice": 30, "meeting": 30, "spam": 30}
    assert (rows == stratified_sample(examples, 90, seed=2)).all()
    assert not np.array_equal(rows, stratified_sample(examples, 90, seed=3))


def test_a_rare_label_stays_in_the_sample() -> None:
    examples = mailbox(300)
    labels = ("rare",) * 12 + examples.labels[12:]
    assert (
        Counter(replace(examples, labels=labels).take(stratified_sample(replace(examples, labels=labels), 60, 0)).labels)[
            "rare"
        ]
        == 12
    )


@pytest.mark.parametrize("language", ["fr", None])
def test_rows_of_a_dataset_keep_their_names_also_where_it_is_older_than_a_column(tmp_path: Path, language: str | None) -> None:
    rows = [
        ingested_row(n, LabelledEmail(Email(f"<{n}>", "a@b", "subject", "body"), "spam", f"box/{n}"))
        | {"row_id": f"row{n}", "split": "holdout" if n else "train", "fold": n - 1, "language": language}
        for n in range(3)
    ]
    table = pa.Table.from_pylist(rows, schema=DATASET)
    parquet.write_table(table if language else table.drop_columns(["language"]), tmp_path / TABLE)
    found = read_examples(tmp_path, Split.HOLDOUT).take([1, 0])
    assert found.origins == (Origin("row2", "box/2", language or ""), Origin("row1", "box/1", language or ""))
    assert found.named([1]) == ("row1",)
    assert mailbox(3).named([2]) == ("#2",)


def test_what_is_set_aside_is_one_whole_fold() -> None:
    examples = mailbox(60)
    learn, judge = set_aside(examples)
    assert {examples.folds[row] for row in judge} == {0}
    assert sorted([*learn, *judge]) == list(range(60))


def test_of_a_large_fold_two_thousand_rows_are_judged_and_the_seed_says_which() -> None:
    examples = replace(mailbox(6000), folds=(0,) * 4500 + (1,) * 1500)
    (learn, judge), (_, again), (_, other) = (set_aside(examples, seed) for seed in (1, 1, 2))
    assert len(learn) == 1500 and len(judge) == 1998  # 666 of each label
    assert (judge == again).all() and not np.array_equal(judge, other)


def test_any_fold_can_lead_and_then_is_the_one_set_aside() -> None:
    examples = replace(mailbox(60), folds=tuple(number // 3 % 3 * 2 for number in range(60)))
    for place, fold in enumerate((0, 2, 4)):
        led = led_by_fold(examples, place)
        assert {examples.folds[row] for row in set_aside(led)[1]} == {fold}
        assert led.emails == examples.emails and set(led.folds) == {0, 1, 2}


def test_nothing_is_set_aside_where_a_label_lives_in_one_fold_only() -> None:
    examples = replace(mailbox(60), folds=(0,) * 60)
    learn, judge = set_aside(examples)
    assert len(learn) == 60 and len(judge) == 0


@pytest.mark.parametrize(("count", "labels", "says"), [(0, (), "no rows"), (9, ("spam",), "only the label 'spam'")])
def test_nothing_to_tell_apart_is_one_clear_error(count: int, labels: tuple[str, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        require_classes(mailbox(count, labels=labels or ("spam",)), "emails/v1.0.0")


def test_a_label_with_one_mail_is_named() -> None:
    with pytest.raises(DataError, match="spam has one training row"):
        require_classes(replace(mailbox(6), labels=("a", "a", "b", "b", "b", "spam")), "emails/v1.0.0")
