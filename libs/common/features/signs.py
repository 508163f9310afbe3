"""How many signs of a text are capitals or digits, and how many links begin in it: at the speed of bytes where it can be."""

import re
from collections import Counter
from collections.abc import Callable

_LINKS = ("http://", "https://", "www.")
UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = b"0123456789"

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


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
