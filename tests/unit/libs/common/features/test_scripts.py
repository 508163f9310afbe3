"""Tricks with characters are counted, and what is written rightly is not."""

import pytest

from libs.common.features.cleaning import clean_text
from libs.common.features.scripts import HiddenSigns, hidden_signs, mixed_script_words


def test_hidden_signs_are_counted_by_kind_and_cleaning_removes_them() -> None:
    text = "v\u200bi\u2060a\ufeffg\u200dra \u202egpj.exe\u202c \u2066x\u2069 \U000e0041y"
    assert hidden_signs(text) == HiddenSigns(zero_width=5, bidi=4)
    assert hidden_signs(clean_text(text)) == HiddenSigns(0, 0)
    assert clean_text(text) == "viagra gpj.exe x y"


@pytest.mark.parametrize("text", ["plain", "Grüße aus Köln", "日本語", "naïve café", "👍🏽"])
def test_honest_texts_hide_nothing(text: str) -> None:
    assert hidden_signs(text) == HiddenSigns(0, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pаypal and аpple", 2),  # Cyrillic а
        ("Ꭺmazon", 1),  # Cherokee Ꭺ
        ("gοοgle", 1),  # Greek ο
        ("5 μm at 3 kΩ", 0),
        ("привет from Москва", 0),
        ("Grüße, naïve Łódź", 0),
        ("пpивет", 1),  # Latin p
        ("plain", 0),
    ],
)
def test_words_of_two_scripts_are_counted(text: str, words: int) -> None:
    assert mixed_script_words(text) == words
