"""What a tabular classifier reads of an e-mail: words and word pairs, how it begins and ends, and a few numeric facts.

Sender and recipients are no features: the sender's domain is a protected attribute, and corpora often hide both.
"""

import math
import re
from itertools import pairwise

from libs.common.domain.triage import Email
from libs.common.features.cleaning import CleanEmail
from libs.common.features.signs import DIGITS, UPPER, count_ascii, count_links

# A mail's category shows early; the bound keeps a hostile mail from costing more than a long one (p99 is 2 600 words).
MAX_WORDS = 1500
MAX_CHARS = 20_000
# How it begins and how it ends: a salutation, a signature, how to unsubscribe.
OPENING_LINES, CLOSING_LINES = 2, 6
EDGE_WORDS, EDGE_CHARS = 200, 4_000

_WORD = re.compile(r"\w\w+")

METADATA = (
    "is_html",
    "attachments",
    "subject_chars",
    "text_chars",
    "quoted_chars",
    "lines",
    "links",
    "exclamations",
    "currency_signs",
    "upper_share",
    "subject_upper_share",
    "digit_share",
    "is_reply",
    "is_forward",
)


def terms(cleaned: CleanEmail) -> list[str]:
    """Words and word pairs of subject and body; the words of the subject once more, marked as such."""
    subject = _WORD.findall(cleaned.subject.lower())[:MAX_WORDS]
    text = _WORD.findall(cleaned.text[:MAX_CHARS].lower())[:MAX_WORDS]
    quoted = _WORD.findall(cleaned.quoted[:MAX_CHARS].lower())[: MAX_WORDS - len(text)]
    return [f"subject:{word}" for word in subject] + _with_pairs(subject) + _with_pairs(text) + _with_pairs(quoted)


def edges(cleaned: CleanEmail) -> list[str]:
    """The words of the first and last lines, marked as such: the sender's own, or where there are none, of what they quote."""
    text = cleaned.text or cleaned.quoted
    opening = _lines(text[:EDGE_CHARS])[:OPENING_LINES]
    closing = _lines(text[-EDGE_CHARS:])[-CLOSING_LINES:]
    first = _WORD.findall("\n".join(opening).lower())[:EDGE_WORDS]
    last = _WORD.findall("\n".join(closing).lower())[-EDGE_WORDS:]
    return [f"opening:{word}" for word in first] + [f"closing:{word}" for word in last]


def metadata(email: Email, cleaned: CleanEmail) -> list[float]:
    """The facts named in `METADATA`; counts are on a log scale, shares in 0…1."""
    text = cleaned.text[:MAX_CHARS]
    subject = cleaned.subject.lower()
    return [
        float(email.is_html),
        math.log1p(len(email.attachments)),
        math.log1p(len(subject)),
        math.log1p(len(text)),
        math.log1p(len(cleaned.quoted)),
        math.log1p(text.count("\n")),
        math.log1p(count_links(text)),
        math.log1p(text.count("!")),
        math.log1p(text.count("$") + text.count("€") + text.count("£")),
        _share(UPPER, text),
        _share(UPPER, cleaned.subject),
        _share(DIGITS, text),
        float(subject.startswith("re:")),
        float(subject.startswith(("fw:", "fwd:"))),
    ]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _with_pairs(words: list[str]) -> list[str]:
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _share(signs: bytes, text: str) -> float:
    return count_ascii(text, signs) / len(text) if text else 0.0
