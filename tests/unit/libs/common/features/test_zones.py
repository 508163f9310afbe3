"""A mail is parted into text, signature, quoted and forwarded; nothing is lost, and what the models read stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.cleaning import CleanEmail
from libs.common.features.zones import split_forwarded, split_signature, zones_of


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("Please pay.\n--\nAnna\nExample Ltd", "--\nAnna\nExample Ltd"),
        ("Please pay.\n\nBest regards,\nAnna", "Best regards,\nAnna"),
        ("Bitte zahlen.\n\nMit freundlichen Grüßen\nAnna", "Mit freundlichen Grüßen\nAnna"),
        ("Merci de payer.\n\nCordialement,\nAnna", "Cordialement,\nAnna"),
        ("Ok.\n\nSent from my iPhone", "Sent from my iPhone"),
        (f"Hi.\n{'_' * 40}\nA list's footer", f"{'_' * 40}\nA list's footer"),
        ("Thanks", ""),
        ("Best regards are what I send you in this long sentence.\nBye", ""),
        ("A list:\n-----\nof things", ""),
        ("Thanks,\n" + "a long line " * 20, ""),
        ("--\n" + "line\n" * 40, ""),
        ("", ""),
    ],
)
def test_a_signature_begins_with_a_rule_or_a_sign_off_near_the_end(text: str, signature: str) -> None:
    assert split_signature(text)[1] == signature


def test_what_was_passed_on_is_told_from_what_was_answered() -> None:
    quoted = "Anna wrote:\nshall I?\n-----Original Message-----\nFrom: x\nthe text"
    assert split_forwarded(quoted) == ("Anna wrote:\nshall I?", "-----Original Message-----\nFrom: x\nthe text")
    assert split_forwarded("only quoted") == ("only quoted", "")


@given(
    st.lists(st.sampled_from(["a", "--", "Best regards", "", "-----Original Message-----", "Thanks", "x" * 120]), max_size=30)
)
def test_no_line_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    zones = zones_of(CleanEmail("s", text, text))
    assert f"{zones.text}\n{zones.signature}".split() == text.split()
    assert f"{zones.quoted}\n{zones.forwarded}".split() == text.split()
