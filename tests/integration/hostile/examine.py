"""The whole way of a message, as training and serving take it, and what must hold of all that comes out."""

import math
from collections.abc import Iterator
from dataclasses import astuple

from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.features.cleaning import clean
from libs.common.features.drift_features import monitored_features
from libs.common.features.extraction import MAX_WORDS, metadata, terms
from libs.common.features.facts import facts_of
from libs.common.features.mime import parse_message
from libs.common.features.parts import MAX_BODY_CHARS

LONGEST_HEADER = 40_000
LINE_BREAKS = "\n\r\x0b\x0c\x00"


def examine(raw: bytes) -> str:
    """What does not hold of this message; empty where all does."""
    try:
        email = parse_message(raw).email
    except DataError:
        return "" if not raw.strip() else "refused although there is something in it"
    cleaned = clean(email)
    numbers = [*metadata(email, cleaned), *monitored_features(email).values()]
    words = terms(cleaned)
    facts = astuple(facts_of(email, cleaned))
    for text in (*_headers(email), email.body, cleaned.whole, *words):
        text.encode()
    faults = {
        "a line break in a header": any(sign in text for text in _headers(email) for sign in LINE_BREAKS),
        "an endless header": max(map(len, _headers(email))) > LONGEST_HEADER,
        "an endless body": len(email.body) > MAX_BODY_CHARS,
        "a null character": "\x00" in email.body + cleaned.whole,
        "a number that is none": not all(map(math.isfinite, numbers)),
        "too many terms": len(words) > 8 * MAX_WORDS,
        "a count below nothing": any(isinstance(fact, int) and fact < 0 for fact in facts),
        "an attachment of negative size": any(item.size_bytes < 0 for item in email.attachments),
    }
    return ", ".join(name for name, found in faults.items() if found)


def warm_up() -> None:
    """Load what the first message would otherwise pay for."""
    examine("Subject: Grüße\n\nÃ¤ café".encode())


def _headers(email: Email) -> Iterator[str]:
    yield from (email.subject, email.sender, email.message_id, email.thread_id, *email.recipients)
    yield from (item.name for item in email.attachments)
