"""The monitored facts are numbers of bounded size that say nothing of the content."""

import math

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Attachment, Email
from libs.common.features.drift_features import monitored_features


def email(body: str, subject: str = "Re: offer", is_html: bool = False) -> Email:
    attachments = (Attachment("a.pdf", "application/pdf", 10),)
    return Email(message_id="", sender="a@b.c", subject=subject, body=body, is_html=is_html, attachments=attachments)


def test_the_facts_of_a_small_mail() -> None:
    facts = monitored_features(email("Hello WORLD 42\n> see https://example.org"))
    assert facts["words"] == 7
    assert (facts["links"], facts["attachments"], facts["is_reply"], facts["quoted_line_share"]) == (1, 1, 1, 0.5)


def test_tags_do_not_count_as_text() -> None:
    assert monitored_features(email("<p>one</p>", is_html=True))["words"] == 1


@given(st.text(), st.text(), st.booleans())
def test_any_mail_has_the_same_finite_facts(body: str, subject: str, is_html: bool) -> None:
    facts = monitored_features(email(body, subject, is_html))
    assert facts.keys() == monitored_features(email("x")).keys()
    assert all(math.isfinite(value) for value in facts.values())
    assert all(0 <= value <= 1 for name, value in facts.items() if name.endswith("_share"))
