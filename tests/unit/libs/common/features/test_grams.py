import numpy as np
import pytest

from libs.common.features.cleaning import CleanEmail
from libs.common.features.grams import BUCKETS, LENGTHS, MAX_CHARS, grams


def buckets_of(text: str) -> set[int]:
    return set(grams(CleanEmail("", text))[0].tolist())


def test_each_run_of_each_length_is_counted() -> None:
    buckets, counts = grams(CleanEmail("", "banana"))
    runs = [" banana "[at : at + length] for length in LENGTHS for at in range(8 - length + 1)]
    assert counts.sum() == len(runs)
    assert len(buckets) == len(set(runs))  # "ana" twice
    assert sorted(counts.tolist())[-1] == 2


def test_one_text_has_one_answer_on_any_machine() -> None:
    assert grams(CleanEmail("", "abc"))[0].tolist() == [39156, 43433, 71641, 73977, 117600]


def test_case_and_white_space_say_nothing() -> None:
    assert buckets_of("Free  MONEY\nnow") == buckets_of("free money now")


def test_a_misspelt_word_keeps_most_of_its_runs() -> None:
    whole, bent = buckets_of("unsubscribe"), buckets_of("unsubscrlbe")
    assert len(whole & bent) > len(whole) / 2


@pytest.mark.parametrize("text", ["", "a", "\ud800" * 9, "\U0001f600" * 50, "İ" * 9_000])
def test_any_text_has_its_runs(text: str) -> None:
    buckets, counts = grams(CleanEmail("", text))
    assert ((buckets >= 0) & (buckets < BUCKETS)).all()
    assert (np.diff(buckets) > 0).all() and (counts > 0).all()


def test_only_the_beginning_of_a_long_mail_is_read() -> None:
    assert buckets_of("x" * MAX_CHARS + " end") == buckets_of("x" * MAX_CHARS)


def test_different_runs_seldom_share_a_bucket() -> None:
    text = " ".join(f"{first}{second}{third}" for first in "abcdefgh" for second in "klmnopqr" for third in "stuvwxyz")
    runs = {f" {text} "[at : at + length] for length in LENGTHS for at in range(len(text) + 3 - length)}
    assert len(buckets_of(text)) > 0.95 * len(runs)
