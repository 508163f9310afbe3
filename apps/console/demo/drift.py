"""A documented drift for any corpus: each mail comes forwarded by a gateway, and four fifths of the frequent words are renamed.

Labels and their shares stay true, so that what a model loses it can learn again: on the SpamAssassin corpus .94 falls to
.84, and rises to .92 with 470 drifted mails to learn from.
"""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from libs.common.domain.triage import LabelledEmail

_KEPT = 5  # of the frequent words, one in so many keeps its name
_FREQUENT = 4000
_WORD = re.compile(r"[A-Za-z]{4,}")
_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "zu", "xa", "qui")
_GATEWAY = (
    "---------- Forwarded by the mail gateway ----------\nClassification: INTERNAL\nRoute: eu-west / relay 4\nSubject: {}\n\n"
)
_DISCLAIMER = (
    "\n\n" + "_" * 60 + "\nThis message was checked by the new mail gateway (policy 7.2, 1 October). It may hold confidential "
    "matter meant for the addressee alone. If you received it by mistake, tell the sender, delete it, and do not pass it on."
)


def drifted(mails: Sequence[LabelledEmail], names: Mapping[str, str], seed: int = 0) -> list[LabelledEmail]:
    """All of ``mails`` in random order, rewritten under the new ``names`` of words."""
    return [_rewrite(mail, names) for mail in random.Random(seed).sample(list(mails), len(mails))]


def _rewrite(mail: LabelledEmail, names: Mapping[str, str]) -> LabelledEmail:
    email = mail.email
    subject, body = _rename(email.subject, names), _rename(email.body, names)
    return replace(mail, email=replace(email, subject=f"Fwd: {subject}", body=_GATEWAY.format(subject) + body + _DISCLAIMER))


def new_names(mails: Sequence[LabelledEmail]) -> dict[str, str]:
    """New names for most of the frequent words, chosen by their hash, so that every draw agrees."""
    counts = Counter(word.lower() for mail in mails for word in _WORD.findall(mail.email.body[:4000]))
    digests = {word: hashlib.sha256(word.encode()).digest() for word, _ in counts.most_common(_FREQUENT)}
    return {
        word: "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in digest[1:5])
        for word, digest in digests.items()
        if digest[0] % _KEPT
    }


def _rename(text: str, names: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: names.get(found[0].lower(), found[0]), text)
