"""Cleaning takes away what a reader doesn't see, and parts what was written from what was quoted."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS, MAX_SUBJECT_CHARS, CleanEmail, clean, clean_text, split_quoted


def email_of(body: str, subject: str = "", is_html: bool = False) -> Email:
    return Email("id", "a@b", subject, body, is_html)


def test_html_mojibake_and_invisible_characters_are_mended() -> None:
    cleaned = clean(email_of("<p>The cafÃ© is\u200b o\u00adpen</p><p>ﬁne</p>", "  Ｈello \t there\n", is_html=True))
    assert cleaned == CleanEmail("Hello there", "The café is open\n\nfine")


def test_white_space_is_evened_out_and_paragraphs_stay() -> None:
    assert clean_text("a  \t b\r\n\r\n\r\n\r\nc \x07 d") == "a b\n\nc d"


def test_plain_text_keeps_what_only_looks_like_markup() -> None:
    assert clean(email_of("use List<String> here")).text == "use List<String> here"


def test_quotations_are_a_zone_with_the_line_that_introduces_them() -> None:
    own, quoted = split_quoted("Yes, do.\nOn Monday, Anna wrote:\n> Shall I?\n>> earlier\nAB> older\nBye")
    assert own == "Yes, do.\nBye"
    assert quoted == "On Monday, Anna wrote:\nShall I?\nearlier\nolder"


def test_all_below_a_forward_mark_is_quoted() -> None:
    own, quoted = split_quoted("FYI\n-----Original Message-----\nFrom: x\nthe text")
    assert (own, quoted) == ("FYI", "-----Original Message-----\nFrom: x\nthe text")


def test_whole_puts_the_zones_together() -> None:
    assert clean(email_of("new\n> old", "about")).whole == "about\nnew\nold"


def test_an_endless_body_is_cut() -> None:
    assert len(clean(email_of("x" * (MAX_BODY_CHARS + 50))).text) == MAX_BODY_CHARS


def test_an_endless_subject_is_cut_and_letters_that_become_many_are_too() -> None:
    assert len(clean(email_of("", "x" * 2 * MAX_SUBJECT_CHARS)).subject) == MAX_SUBJECT_CHARS
    assert MAX_BODY_CHARS - 1 <= len(clean(email_of("\ufdfa" * MAX_BODY_CHARS)).text) <= MAX_BODY_CHARS


def test_invisible_signs_do_not_part_a_word() -> None:
    assert clean_text("v\u2066i\u034fa\u2069g\U000e0041r\u206aa") == "viagra"


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0301\uff9e", "\u05b0\u0301"])
def test_a_pile_of_marks_is_cut_before_it_is_sorted(marks: str) -> None:
    text = clean_text("a" + marks * 100_000 + " b" + marks * 40)
    first, second = text.split()
    assert len(first) <= 102
    assert second == unicodedata.normalize("NFKC", "b" + marks * 40)


@given(st.text(max_size=300), st.booleans())
def test_cleaning_never_fails_and_cleaning_again_changes_nothing(body: str, is_html: bool) -> None:
    text = clean(email_of(body, is_html=is_html)).whole
    text.encode("utf-8", "surrogatepass")
    assert clean_text(text) == clean_text(clean_text(text))


@given(st.text(st.sampled_from("ab -> |:wrote-\t\x1c\u2028\n")))
def test_no_line_has_white_space_at_its_edges_or_twice_in_a_row(text: str) -> None:
    lines = clean_text(text).split("\n")
    assert all(line == " ".join(line.split()) for line in lines)


@pytest.mark.parametrize(
    ("line", "is_quoted"),
    [
        ("> a", True),
        ("AB| a", True),
        ("ABCD> a", False),
        ("On Monday, Anna wrote: ", True),
        ("On Monday, Anna wrote: yes", False),
        ("Anna is right:", False),
        ("Il a écrit :", True),
    ],
)
def test_a_line_is_quoted_by_its_mark_or_for_what_it_introduces(line: str, is_quoted: bool) -> None:
    own, quoted = split_quoted(line)
    assert bool(quoted) is is_quoted
    assert bool(own) is not is_quoted
