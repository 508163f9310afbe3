"""The checks behind the gates: each passes what is sound and names what is not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import JsonValue

from apps.training.evaluation.checks import check_behaviour, check_files, check_integration, check_regression, check_test_plan
from apps.training.fitting.examples import Examples
from libs.common.domain.triage import Email
from libs.common.models.artifact import write_artifact

LABELS = ("ham", "spam")
Judge = Callable[[Email], float]


class Scripted:
    """A classifier whose probability of spam is a function of the mail."""

    family: ClassVar[str] = "scripted"
    options: ClassVar[dict[str, JsonValue]] = {}

    def __init__(self, spam: Judge, labels: tuple[str, ...] = LABELS) -> None:
        self.labels = labels
        self._spam = spam

    def predict(self, emails: Sequence[Email]) -> NDArray[np.float64]:
        spam = np.array([self._spam(email) for email in emails])
        return np.column_stack([1 - spam, spam])

    def save(self, folder: Path) -> None:
        (folder / "weights.json").write_text("{}")


def mails(count: int = 120) -> tuple[Email, ...]:
    return tuple(
        Email(message_id=f"<{n}@x>", sender="a@b.c", subject=f"mail {n}", body="buy now\nplease" if n % 2 else "hello\nyou")
        for n in range(count)
    )


def right(email: Email) -> float:
    return 0.9 if "buy" in email.body else 0.1


def holdout(count: int = 120) -> Examples:
    emails = mails(count)
    return Examples(emails, tuple("spam" if "buy" in email.body else "ham" for email in emails), (0,) * count)


def test_a_sound_model_passes_every_check(tmp_path: Path) -> None:
    model, rows = Scripted(right), holdout()
    write_artifact(tmp_path / "model", model, {})
    findings = [
        check_behaviour(model, rows.emails),
        check_regression(model, model, rows),
        check_regression(model, None, rows),
        check_files(tmp_path / "model"),
        check_integration(model, list(rows.labels), rows.emails),
        check_test_plan(model, model),
    ]
    assert [finding.detail for finding in findings if not finding.passed] == []


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (lambda email: float("nan"), "do not sum to 1"),
        (lambda email: 0.9 if email.body.startswith("\n") else 0.1, "blank lines"),
        (lambda email: 0.9 if "other@" in email.message_id else 0.1, "another message id"),
        (lambda email: 0.9 if email.recipients else 0.1, "other recipients"),
    ],
)
def test_what_reads_the_wrong_thing_is_found(judge: Judge, said: str) -> None:
    finding = check_behaviour(Scripted(judge), mails())
    assert not finding.passed
    assert said in finding.detail


def test_a_model_that_answers_otherwise_in_a_batch_is_found() -> None:
    class Moody(Scripted):
        def predict(self, emails: Sequence[Email]) -> NDArray[np.float64]:
            return super().predict(emails) if len(emails) == 1 else super().predict(emails)[:, ::-1]

    assert "than in a batch" in check_behaviour(Moody(right), mails()).detail


def test_a_worse_candidate_is_a_regression_and_a_better_one_is_not() -> None:
    sloppy = Scripted(lambda email: right(email) if int(email.subject[5:]) % 5 else 1 - right(email))
    assert not check_regression(sloppy, Scripted(right), holdout()).passed
    assert check_regression(Scripted(right), sloppy, holdout()).passed


def test_too_few_mails_that_are_new_to_both_show_nothing() -> None:
    finding = check_regression(Scripted(right), Scripted(right), holdout(10))
    assert not finding.passed
    assert "only 10 e-mails" in finding.detail


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", Scripted(right), {})
    (tmp_path / "model" / "weights.json").write_text("{ }")
    assert "weights.json" in check_files(tmp_path / "model").detail


def test_a_registry_that_answers_otherwise_is_found() -> None:
    rows = holdout()
    finding = check_integration(Scripted(right), ["ham"] * len(rows), rows.emails)
    assert not finding.passed
    assert "60 of 120" in finding.detail


def test_a_candidate_that_lacks_a_label_cannot_be_compared() -> None:
    finding = check_test_plan(Scripted(right, ("ham", "news")), Scripted(right))
    assert not finding.passed
    assert "spam" in finding.detail
