"""The facts of a mail are what a person would count in it."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Email
from libs.common.features.cleaning import clean
from libs.common.features.facts import MailFacts, facts_of

BODY = """<p>Please look at the of\u200bfer that we have for you, it is from p\u0430ypal.</p><img src=x width="1" height=1>
<a href="https://evil.example/a">https://www.bank.com</a> <a href="https://x.evil.example/b">here</a>
<p>-- </p><p>Anna</p><p>Bob wrote:</p><p>&gt; old</p><p>-----Original Message-----</p><p>older</p>"""


def facts(body: str, subject: str = "", is_html: bool = True) -> MailFacts:
    email = Email("id", "a@b", subject, body, is_html)
    return facts_of(email, clean(email))


def test_every_fact_is_found_in_a_mail_that_has_them_all() -> None:
    assert asdict(facts(BODY, "about \u202e")) == {
        "language": "en",
        "links": 2,
        "link_domains": 1,
        "misleading_links": 1,
        "tracking_pixels": 1,
        "zero_width_signs": 1,
        "bidi_signs": 1,
        "mixed_script_words": 1,
        "signature_chars": len("--\n\nAnna"),
        "quoted_chars": len("Bob wrote:\nold"),
        "forwarded_chars": len("-----Original Message-----\n\nolder"),
    }


def test_a_sign_written_as_a_reference_is_seen() -> None:
    assert facts("a&#8203;b&zwnj;c&rlm;").zero_width_signs == 2
    assert facts("a&#8203;b&zwnj;c", is_html=False).zero_width_signs == 0


@given(st.text(max_size=200), st.text(max_size=40), st.booleans())
def test_any_mail_has_facts_and_no_count_is_below_nothing(body: str, subject: str, is_html: bool) -> None:
    found = asdict(facts(body, subject, is_html))
    assert all(count >= 0 for name, count in found.items() if name != "language")
