"""Signs and words are counted alike whether they are counted as bytes or one by one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.signs import DIGITS, UPPER, Words, count_ascii, count_signs, count_words

TEXTS = st.text(st.characters() | st.sampled_from("aB9É٣ß²"))


@given(TEXTS)
def test_capitals_and_digits_of_any_script_count(text: str) -> None:
    assert count_signs(text, UPPER, str.isupper) == sum(map(str.isupper, text))
    assert count_signs(text, DIGITS, str.isdigit) == sum(map(str.isdigit, text))


@given(TEXTS)
def test_of_ascii_signs_only_those_named_count(text: str) -> None:
    assert count_ascii(text, UPPER) == sum(sign in UPPER.decode() for sign in text)


@given(st.text(st.characters(codec="ascii") | st.sampled_from("aB9_ ")) | TEXTS)
def test_words_of_any_script_count(text: str) -> None:
    words = re.findall(r"\w+", text)
    distinct = {word.lower() for word in words}
    assert count_words(text) == Words(len(words), sum(map(len, words)), len(distinct))


def test_half_of_a_character_counts_for_nothing() -> None:
    assert count_signs("\ud800A", UPPER, str.isupper) == 1
