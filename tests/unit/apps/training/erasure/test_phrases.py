"""What somebody wrote is found again however a reply lays it out, and what anybody writes is left alone."""

from hypothesis import given
from hypothesis import strategies as st

from apps.training.erasure.phrases import ERASED, Phrases, phrases_of

MAIL = "Hello Bob,\n\nthe heron of Quillmoor eats seven silver keys at dawn.\nCall 0171-5550199.\n\nKind regards,\nAda"
WORDS = st.lists(st.text("abcdefgh", min_size=4, max_size=8), min_size=5, max_size=30, unique=True)


def left_of(text: str, is_html: bool = False) -> str:
    return phrases_of(MAIL).of(text, is_html).taken_out(text, is_html)


def test_a_quoted_sentence_goes_whatever_the_marks_and_the_line_breaks() -> None:
    reply = "Really?\n> the heron of Quillmoor eats\n>seven silver keys\n| at dawn.\n\nBob"
    assert left_of(reply) == f"Really?\n> {ERASED}\n>{ERASED}\n| {ERASED}.\n\nBob"


def test_a_part_of_a_sentence_goes_from_five_words_on() -> None:
    assert left_of("> heron of Quillmoor eats seven") == f"> {ERASED}"
    assert left_of("> the heron of Quillmoor") == "> the heron of Quillmoor"


def test_tags_and_entities_stay_where_they_are() -> None:
    page = "<p>So:</p><blockquote>the heron <b>of Quillmoor</b> eats&nbsp;seven silver keys at dawn</blockquote>"
    assert left_of(page, is_html=True) == (
        f"<p>So:</p><blockquote>{ERASED} <b>{ERASED}</b> {ERASED}&nbsp;{ERASED}</blockquote>"
    )


def test_a_short_line_with_a_number_is_rare_enough_to_be_looked_for() -> None:
    assert left_of("> Call 0171-5550199.") == f"> {ERASED}."


def test_greetings_go_only_beside_what_is_surely_theirs() -> None:
    assert left_of("> Kind regards,\n> Ada") == "> Kind regards,\n> Ada"
    assert left_of("> seven silver keys at dawn\n> Kind regards,\n> Ada") == f"> {ERASED}\n> {ERASED},\n> {ERASED}"


def test_a_line_of_theirs_goes_only_whole() -> None:
    reply = "> seven silver keys at dawn.\n> Ada\nI saw Ada with kind regards to all.\nKind regards,\nBob"
    assert left_of(reply) == f"> {ERASED}.\n> {ERASED}\nI saw Ada with kind regards to all.\nKind regards,\nBob"


def test_words_that_fill_everybodys_mail_tell_nothing() -> None:
    assert not phrases_of("On Thu, 22 Aug 2002, if it is to be so, I am in").runs


def test_a_text_that_repeats_nothing_is_left_as_it_is() -> None:
    assert not phrases_of(MAIL).of("The heron eats at dawn, and so do the seven of us.")
    assert not Phrases().of(MAIL)


@given(WORDS, st.integers(2, 9), st.sampled_from(["> ", "", "| > ", "AB> "]))
def test_nothing_of_a_text_is_left_in_any_quotation_of_the_whole(words: list[str], width: int, mark: str) -> None:
    lines = [" ".join(words[first : first + width]) for first in range(0, len(words), width)]
    quotation = "\n".join(mark + line for line in lines)
    left = phrases_of(" ".join(words)).of(quotation).taken_out(quotation)
    assert left == "\n".join([mark + ERASED] * len(lines))


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_second_search_finds_nothing_more(mail: str, reply: str) -> None:
    phrases = phrases_of(mail)
    once = phrases.of(reply).taken_out(reply)
    if ERASED not in mail:
        assert not phrases.of(once).runs - phrases.of(ERASED).runs
