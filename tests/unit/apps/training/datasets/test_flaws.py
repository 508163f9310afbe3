"""Each flaw is seen where it is, and a usual mail has none."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.training.datasets.flaws import FLAWS, flaws_of, quality_of
from apps.training.synthetic import generate
from libs.common.domain.triage import Email
from libs.common.features.cleaning import clean

USUAL = Email("m", "a@b", "Minutes", "Please find the minutes of our meeting below.", sent_at=datetime(2025, 1, 1, tzinfo=UTC))
FLAWED = {
    "no subject": {"subject": ""},
    "little text": {"body": "ok"},
    "no date": {"sent_at": None},
    "illegible": {"body": "Please find \ufffd\ufffd\ufffd the minutes of our meeting"},
    "truncated": {"body": "Please find the minutes of our meeting below [message truncated]"},
    "gibberish": {"body": "xkjqwrtz pqzxvbnm wrtplkjh qwrtzpsd fghjklmn meeting"},
    "auto-reply": {"subject": "Out of office: Minutes"},
}


@pytest.mark.parametrize("flaw", FLAWED)
def test_a_flaw_is_seen_alone(flaw: str) -> None:
    email = replace(USUAL, **FLAWED[flaw])
    assert flaws_of(email, clean(email)) == [flaw]


def test_an_endless_mail_is_cut_and_so_truncated() -> None:
    endless = replace(USUAL, body="word and more " * 20_000)
    assert "truncated" in flaws_of(endless, clean(endless))


def test_usual_mails_have_none() -> None:
    assert flaws_of(USUAL, clean(USUAL)) == []
    found = [flaw for mail in generate(600, seed=4) for flaw in flaws_of(mail.email, clean(mail.email))]
    assert len(found) < 12


def test_quality_falls_with_every_flaw() -> None:
    assert [quality_of(count) for count in (0, len(FLAWS))] == [1, 0]
    assert quality_of(2) > quality_of(3)
