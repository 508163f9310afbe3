"""The checks behind a summarizer's gates: each passes what is sound and names what is not."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from apps.training.summaries.checks import check_lines, check_summary_integration, check_summary_regression
from apps.training.summaries.examples import SummaryExamples
from libs.common.domain.triage import Email, Summary


class Scripted:
    """A summarizer whose line is a function of the mail and of how many it came with."""

    family: ClassVar[str] = "scripted"
    options: ClassVar[dict[str, Any]] = {}
    batch_size = 8

    def __init__(self, line: Callable[[Email, int], str]) -> None:
        self._line = line

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        return [Summary(self._line(email, len(emails))) for email in emails]

    def save(self, folder: Path) -> None:
        (folder / "lines.txt").touch()


MAILS = tuple(
    Email(message_id=f"<{n}@x>", sender="a@b.c", subject=f"Mail {n}", body=f"Meeting {n}\nis moved", recipients=("d@e.f",))
    for n in range(120)
)
EXAMPLES = SummaryExamples(MAILS, tuple((f"Meeting {n} moved",) for n in range(120)))


def first_line(email: Email, _: int = 0) -> str:
    return email.body.partition("\n")[0].strip()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (first_line, None),
        (lambda email, count: email.body, "100 of 100 lines are several"),
        (lambda email, count: "Always the same", "an e-mail that says nothing gets a line"),
        (lambda email, count: first_line(email) if count > 1 else email.subject, "being alone changes 100.0% of lines"),
        (lambda email, count: email.message_id if email.body else "", "another message id changes"),
        (lambda email, count: " ".join(email.recipients) if email.body else "", "other recipients changes"),
    ],
)
def test_lines_are_lines_and_depend_on_what_a_mail_says_alone(line: Callable[[Email, int], str], said: str | None) -> None:
    found = check_lines(Scripted(line), MAILS)
    assert (found.gate, found.passed) == ("unit_tests_pass", said is None)
    assert (said or "100 e-mails hold") in found.detail


def test_a_candidate_may_not_be_worse_than_the_champion_on_the_same_mails() -> None:
    good, silent = Scripted(first_line), Scripted(lambda email, count: "")
    assert check_summary_regression(silent, None, EXAMPLES).passed
    same, worse, better = (check_summary_regression(*both, EXAMPLES) for both in ((good, good), (silent, good), (good, silent)))
    assert [found.passed for found in (same, worse, better)] == [True, False, True]
    assert worse.detail.startswith("rouge1 F -0.8")
    few = check_summary_regression(good, good, EXAMPLES.take(range(10)))
    assert (few.passed, few.detail.startswith("only 10")) == (False, True)


def test_the_registry_gives_the_same_lines() -> None:
    assert check_summary_integration(["a", "b"], ["a", "b"]).passed
    differing = check_summary_integration(["a", "b"], ["a", "c"])
    assert (differing.passed, differing.detail.startswith("1 of 2 lines agree")) == (False, True)
