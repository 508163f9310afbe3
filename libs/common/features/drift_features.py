"""Numeric facts of an e-mail on which drift is measured: cheap, without content, the same in training and serving."""

import re
from collections import Counter
from collections.abc import Callable

from libs.common.domain.triage import Email

_WORD = re.compile(r"\w+")
_LINK = re.compile(r"https?://|www\.", re.IGNORECASE)
_TAG = re.compile(r"<[^>]{0,500}>")


def monitored_features(email: Email) -> dict[str, float]:
    """Feature → value: lengths in characters and words, counts, and shares in 0…1; HTML tags don't count as text."""
    text = _TAG.sub(" ", email.body) if email.is_html else email.body
    words = _WORD.findall(text)
    chars = max(len(text), 1)
    lines = text.splitlines()
    signs = Counter(text)
    return {
        "subject_chars": float(len(email.subject)),
        "body_chars": float(len(text)),
        "words": float(len(words)),
        "mean_word_chars": sum(map(len, words)) / max(len(words), 1),
        "distinct_word_share": len({word.lower() for word in words}) / max(len(words), 1),
        "links": float(len(_LINK.findall(email.body))),
        "attachments": float(len(email.attachments)),
        "is_html": float(email.is_html),
        "is_reply": float(email.subject[:3].lower() == "re:"),
        "quoted_line_share": sum(line.startswith(">") for line in lines) / max(len(lines), 1),
        "upper_share": _count(signs, str.isupper) / chars,
        "digit_share": _count(signs, str.isdigit) / chars,
    }


def _count(signs: Counter[str], holds: Callable[[str], bool]) -> int:
    return sum(count for sign, count in signs.items() if holds(sign))
