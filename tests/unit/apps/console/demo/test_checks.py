"""Each promise is checked: kept in the made-up account, and seen as broken when exactly it is broken."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from apps.console.demo.account import FRESH, Account
from apps.console.demo.checks import check, kept
from apps.console.demo.mailbox import MailAnswer
from libs.common.domain.rollout import RolloutPhase
from tests.unit.apps.console.demo.accounts import account, mailbox, release, request, with_requests

PROMISES = [
    "no request failed",
    "none was answered twice",
    "every answer names its version",
    "every answer was recorded",
    "a mailbox was triaged whole",
    "the worse model was rolled back by itself",
    "the drift alert arrived at the webhook",
    "drift started the retraining",
    "the retrained model was released through the canary",
    "accuracy recovered on drifted e-mails",
    "the audit chain is whole",
]


def test_every_promise_is_kept_in_the_made_up_account() -> None:
    checks = check(account())
    assert [each.name for each in checks] == PROMISES
    assert kept(checks), checks


def test_no_promise_is_kept_where_nothing_happened() -> None:
    told = account()
    checks = check(Account(source="", chronicle=told.chronicle, limits=told.limits))
    assert [each.name for each in checks if each.ok] == []
    assert not kept([])


def _failed(told: Account) -> Account:
    return with_requests(told, replace(request(9001, 3, "1", True), status=503, version="", answered_id="", problem="away"))


def _wrong_by_the_new(told: Account) -> Account:
    wrong = [replace(each, label="spam") if each.part == FRESH else each for each in told.requests]
    return replace(told, requests=wrong)


def _rolled_back_by_hand(told: Account) -> Account:
    rollout = release("2", RolloutPhase.ROLLED_BACK, "ada: I do not like it", 20)
    return replace(told, releases=(told.releases[0], rollout, told.releases[2]))


def _answers(told: Account, answers: Sequence[MailAnswer]) -> Account:
    return replace(told, mailbox=replace(mailbox(), answers=answers))


@pytest.mark.parametrize(
    ("broken", "spoil"),
    [
        ("no request failed", _failed),
        ("none was answered twice", lambda told: with_requests(told, request(7, 3, "1", True))),
        ("none was answered twice", lambda told: replace(told, logged_twice=1)),
        ("every answer names its version", lambda told: with_requests(told, request(9002, 3, "", True))),
        ("every answer names its version", lambda told: with_requests(told, request(9002, 3, "99", True))),
        ("the worse model was rolled back by itself", _rolled_back_by_hand),
        ("every answer was recorded", lambda told: replace(told, unlogged=2)),
        ("a mailbox was triaged whole", lambda told: replace(told, mailbox=None)),
        ("a mailbox was triaged whole", lambda told: _answers(told, mailbox().answers[1:])),
        ("a mailbox was triaged whole", lambda told: _answers(told, [*mailbox().answers, mailbox().answers[0]])),
        ("a mailbox was triaged whole", lambda told: _answers(told, [*mailbox().answers, MailAnswer("calm:4", "spam", "1")])),
        ("a mailbox was triaged whole", lambda told: _answers(told, [replace(one, version="2") for one in mailbox().answers])),
        ("a mailbox was triaged whole", lambda told: replace(told, mailbox=replace(mailbox(), quarantined=1))),
        ("a mailbox was triaged whole", lambda told: replace(told, mailbox=replace(mailbox(), sent={}, answers=()))),
        ("the drift alert arrived at the webhook", lambda told: replace(told, alerts=())),
        ("drift started the retraining", lambda told: replace(told, retrainings=())),
        ("accuracy recovered on drifted e-mails", _wrong_by_the_new),
        ("the audit chain is whole", lambda told: replace(told, audit_faults=("record 3 was changed",))),
    ],
)
def test_a_broken_promise_is_seen_and_no_other(broken: str, spoil: Callable[[Account], Account]) -> None:
    assert [each.name for each in check(spoil(account())) if not each.ok] == [broken]


def test_a_retrained_model_that_was_not_released_is_seen() -> None:
    told = account()
    paused = release("3", RolloutPhase.PAUSED, "inconclusive", 55)
    broken = [each.name for each in check(replace(told, releases=(*told.releases[:2], paused))) if not each.ok]
    assert broken == ["the retrained model was released through the canary"]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (mailbox().answers, "3 of 3 e-mails by v1, none twice"),
        ((*mailbox().answers[:2], mailbox().answers[0]), "2 of 3 e-mails by v1, 1 twice"),
        ((), "0 of 3 e-mails by nobody, none twice"),
        ((*mailbox().answers, MailAnswer("lost", "spam", "1")), "3 of 3 e-mails by v1, none twice, 1 strayed"),
    ],
)
def test_what_came_of_the_mailbox_is_said(answers: Sequence[MailAnswer], found: str) -> None:
    (said,) = (each.detail for each in check(_answers(account(), answers)) if each.name == "a mailbox was triaged whole")
    assert said == found
