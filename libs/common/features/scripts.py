"""Tricks with characters: what cleaning takes away or evens out, counted before it is gone."""

import re
from dataclasses import dataclass

_ZERO_WIDTH = re.compile("[\u034f\u180e\u200b-\u200d\u2060-\u2065\ufeff\U000e0000-\U000e007f]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
# Scripts with letters that look like Latin ones.
_LOOKALIKE = re.compile("[\u0400-\u052f\u0531-\u0587\u13a0-\u13fd]")
_GREEK = re.compile("[\u0370-\u03ff]")
# Units such as μm and kΩ mix Greek and Latin rightly.
_LONGEST_UNIT = 3


@dataclass(frozen=True, slots=True)
class HiddenSigns:
    """How many characters without width, and how many that turn the direction of writing, a text holds."""

    zero_width: int
    bidi: int


def hidden_signs(text: str) -> HiddenSigns:
    """Count what a reader doesn't see in a text that was not yet cleaned."""
    if text.isascii():
        return HiddenSigns(0, 0)
    return HiddenSigns(len(_ZERO_WIDTH.findall(text)), len(_BIDI.findall(text)))


def mixed_script_words(text: str) -> int:
    """How many words of a cleaned text mix Latin letters with letters that only look like them."""
    if text.isascii():
        return 0
    return sum(_is_mixed(word) for word in _WORD.findall(text) if not word.isascii())


def _is_mixed(word: str) -> bool:
    if not _LATIN.search(word):
        return False
    return bool(_LOOKALIKE.search(word)) or (len(word) > _LONGEST_UNIT and bool(_GREEK.search(word)))
