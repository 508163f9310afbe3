from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from apps.training.examples import require_classes, set_aside, stratified_sample
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


def test_what_is_set_aside_is_one_whole_fold() -> None:
    examples = mailbox(60)
    learn, judge = set_aside(examples)
    assert {examples.folds[row] for row in judge} == {0}
    assert sorted([*learn, *judge]) == list(range(60))


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
