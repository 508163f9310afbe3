from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.training.evaluation.evaluation_page import latest_said
from apps.training.evaluation.overlap import repeated_rows
from apps.training.evaluation.refits import TimeOrdered, Unmeasured, judge_latest
from apps.training.fitting.examples import Examples
from libs.common.domain.triage import Email
from tests.unit.apps.training.mails import mailbox

START = datetime(2026, 1, 1, tzinfo=UTC)
TAUGHT: list[Examples] = []


@dataclass(frozen=True)
class Subject:
    """Knows the labels that it was taught, and answers with the first word of the subject."""

    labels: tuple[str, ...]

    def predict(self, emails: Sequence[Email]) -> np.ndarray:
        return np.eye(len(self.labels))[[self.labels.index(email.subject) for email in emails]]


def fit(examples: Examples) -> Subject:
    TAUGHT.append(examples)
    return Subject(examples.classes)


def dated(count: int = 300, labels: tuple[str, ...] = ()) -> Examples:
    """Mails an hour apart, whose subject is their label."""
    examples = mailbox(count)
    given = labels or examples.labels
    emails = tuple(
        replace(email, subject=label, sent_at=START + timedelta(hours=row))
        for row, (email, label) in enumerate(zip(examples.emails, given, strict=True))
    )
    return replace(examples, emails=emails, labels=given)


def test_the_latest_fifth_of_all_rows_is_judged_by_the_rest() -> None:
    examples = dated()
    TAUGHT.clear()
    found = judge_latest(fit, examples.take(range(1, 300, 2)), examples.take(range(0, 300, 2)), "random", seed=0)  # pyright: ignore
    assert isinstance(found, TimeOrdered)
    assert (found.count, found.accuracy.value, found.lacking, found.unknown) == (60, 1.0, (), ())
    assert found.until == START + timedelta(hours=239)
    (taught,) = TAUGHT
    assert len(taught) == 240 and set(taught.folds) == set(range(5))
    assert "mail up to 2026-01-10: accuracy 1.000" in latest_said(found)


def test_classes_of_one_period_only_are_named_and_not_judged() -> None:
    labels = tuple(["invoice", "meeting", "spam", "spam"] * 80 + ["invoice", "spam", "complaint", "spam"] * 20)
    examples = dated(400, labels)
    found = judge_latest(fit, examples, examples.take([]), "random", seed=0)  # pyright: ignore[reportArgumentType]
    assert isinstance(found, TimeOrdered)
    assert (found.count, found.lacking, found.unknown) == (60, ("meeting",), ("complaint",))
    said = latest_said(found)
    assert "The later period has no meeting." in said and "The earlier period had no complaint." in said


@pytest.mark.parametrize("undated", [300, 260])
def test_too_few_dates_are_said_instead_of_a_figure(undated: int) -> None:
    examples = dated()
    emails = tuple(replace(email, sent_at=None) if row < undated else email for row, email in enumerate(examples.emails))
    found = judge_latest(fit, replace(examples, emails=emails), examples.take([]), "random", seed=0)  # pyright: ignore[reportArgumentType]
    assert isinstance(found, Unmeasured)
    assert f"{300 - undated} of 300 e-mails have a date" in found.why
    assert latest_said(found).startswith("No figure: ")


def test_a_holdout_that_is_the_latest_mail_already_is_not_judged_twice() -> None:
    TAUGHT.clear()
    found = judge_latest(fit, dated(), dated(60), "time", seed=0)  # pyright: ignore[reportArgumentType]
    assert isinstance(found, Unmeasured) and "latest mail" in found.why
    assert TAUGHT == []


def test_rows_that_read_as_training_rows_are_found_word_for_word_or_almost() -> None:
    taught, holdout = mailbox(60), mailbox(30, seed=9)
    emails = list(holdout.emails)
    emails[4] = replace(taught.emails[7], message_id="<again@x>")
    emails[9] = replace(taught.emails[8], body=taught.emails[8].body + "\nfyi")
    emails[11] = replace(emails[11], subject="", body="ok")
    assert repeated_rows(taught, holdout) == ()
    assert repeated_rows(taught, replace(holdout, emails=tuple(emails))) == (4, 9)
    short = replace(taught, emails=(replace(taught.emails[0], subject="", body="ok"), *taught.emails[1:]))
    assert repeated_rows(short, replace(holdout, emails=tuple(emails))) == (4, 9, 11)
