"""What of an answer is written down says nothing of a mail's content."""

import pytest

from apps.serving.facts import OTHER_LINE, confidence_of, figures_of, fit_to_keep, label_of, likeness, mirrored_label
from libs.common.domain.triage import Escalated, Prediction, Summary

SPAM, WORK = Prediction("spam", 0.9), Prediction("work", 0.8, escalation=Escalated.SHED)


def test_of_a_category_itself_and_of_a_line_its_length() -> None:
    assert (label_of(SPAM), confidence_of(SPAM), figures_of(SPAM)) == ("spam", 0.9, {})
    line = Summary("Budget review moved")
    assert (label_of(line), confidence_of(line), figures_of(line)) == ("", 0.0, {"summary_words": 3.0})


def test_what_was_given_under_pressure_is_not_kept() -> None:
    assert [fit_to_keep(said) for said in (SPAM, WORK, Summary(""))] == [True, False, True]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("", "", 1.0), ("", "Budget", 0.0), ("Budget review", "budget REVIEW", 1.0), ("a a b", "a c", 0.4), ("a", "b", 0.0)],
)
def test_lines_are_alike_by_the_words_they_share(first: str, second: str, expected: float) -> None:
    assert likeness(first, second) == likeness(second, first) == pytest.approx(expected)


def test_a_mirrored_category_is_kept_and_of_a_mirrored_line_whether_it_differs() -> None:
    assert mirrored_label(SPAM, WORK) == "work"
    assert mirrored_label(Summary("Budget review moved"), Summary("Budget review")) == ""
    assert mirrored_label(Summary("Budget review moved"), Summary("Hello")) == OTHER_LINE
