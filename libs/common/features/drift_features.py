"""Numeric facts of an e-mail on which drift is measured: cheap, without content, the same in training and serving."""

import re

from libs.common.domain.triage import Email
from libs.common.features.signs import DIGITS, UPPER, count_links, count_signs, count_words

_TAG = re.compile(r"<[^>]{0,500}>")


def monitored_features(email: Email) -> dict[str, float]:
    """Feature → value: lengths in characters and words, counts, and shares in 0…1; HTML tags don't count as text."""
    text = _TAG.sub(" ", email.body) if email.is_html else email.body
    words = count_words(text)
    chars = max(len(text), 1)
    lines = text.splitlines()
    return {
        "subject_chars": float(len(email.subject)),
        "body_chars": float(len(text)),
        "words": float(words.count),
        "mean_word_chars": words.chars / max(words.count, 1),
        "distinct_word_share": words.distinct / max(words.count, 1),
        "links": float(count_links(email.body.casefold())),
        "attachments": float(len(email.attachments)),
        "is_html": float(email.is_html),
        "is_reply": float(email.subject[:3].lower() == "re:"),
        "quoted_line_share": sum(line.startswith(">") for line in lines) / max(len(lines), 1),
        "upper_share": count_signs(text, UPPER, str.isupper) / chars,
        "digit_share": count_signs(text, DIGITS, str.isdigit) / chars,
    }
