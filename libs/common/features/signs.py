"""How many words, capitals and digits a text has, and how many links begin in it: at the speed of bytes where it can be."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

_LINKS = ("http://", "https://", "www.")
UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = b"0123456789"

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_WORD = re.compile(r"\w+")
# What is no part of a word becomes a space.
_IN_WORDS = bytes(sign if chr(sign).isalnum() or sign == ord("_") else ord(" ") for sign in range(128)).ljust(256)


@dataclass(frozen=True, slots=True)
class Words:
    """Of the words of a text: how many there are, their characters, and how many differ in more than capitals."""

    count: int
    chars: int
    distinct: int


def count_words(text: str) -> Words:
    """The words of ``text``: runs of letters, digits and underscores."""
    if text.isascii():
        words = text.lower().encode().translate(_IN_WORDS).split()
        return Words(len(words), len(b"".join(words)), len(set(words)))
    others = _WORD.findall(text)
    return Words(len(others), len("".join(others)), len({word.lower() for word in others}))


def count_links(text: str) -> int:
    """How many links begin in ``text``, in small letters."""
    return sum(map(text.count, _LINKS))


def count_ascii(text: str, signs: bytes) -> int:
    """How many signs of ``text`` are among the ASCII ``signs``."""
    encoded = text.encode("utf-8", "surrogatepass")
    return len(encoded) - len(encoded.translate(None, signs))


def count_signs(text: str, signs: bytes, holds: Callable[[str], bool]) -> int:
    """How many signs of ``text`` are among the ASCII ``signs``, or, being no ASCII, are such that it ``holds``."""
    others = Counter() if text.isascii() else Counter("".join(_NOT_ASCII.findall(text)))
    return count_ascii(text, signs) + sum(count for sign, count in others.items() if holds(sign))
