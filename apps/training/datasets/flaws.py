"""What lowers the worth of one e-mail as an example. Pure; the flaws that only many mails together show are named here too."""

import re
from collections.abc import Callable

from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS, CleanEmail

NEAR_DUPLICATE = "near-duplicate"
BOILERPLATE = "boilerplate"
CONTESTED = "contested label"

_SHORTEST_TEXT = 20
_MOST_UNREADABLE = 0.01
_MOST_GIBBERISH = 0.5
_CUT = re.compile(
    r"(?:\[\s*(?:message|mail|text) (?:truncated|clipped|cut)\b[^\]]*\]|\(message (?:truncated|clipped)\)|\[\.{3}\])\s*$", re.I
)
_AUTOMATIC = re.compile(
    r"\b(?:out of (?:the )?office|auto(?:matic|mated)?[ -]?(?:reply|response|antwort)|abwesenheit|delivery status notification"
    r"|undeliver(?:able|ed)|mail delivery (?:failed|failure|subsystem)|returned mail|réponse automatique|respuesta automática)",
    re.IGNORECASE,
)
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
# No word of a European language has six consonants in a row with none of these as a vowel, or thirty letters: bar noise.
_NO_WORD = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}|^[bcdfghjklmnpqrstvwxz]{4,}$|^.{30,}$", re.IGNORECASE)

Judge = Callable[[Email, CleanEmail], bool]


def flaws_of(email: Email, cleaned: CleanEmail) -> list[str]:
    """The flaws that one mail shows by itself, in the order of `FLAWS`."""
    return [name for name, found in _JUDGES.items() if found(email, cleaned)]


def quality_of(flaws: int) -> float:
    """The share of `FLAWS` that a mail does not have, 0…1."""
    return 1 - flaws / len(FLAWS)


def _is_illegible(_: Email, cleaned: CleanEmail) -> bool:
    whole = cleaned.whole
    return whole.count("\ufffd") > _MOST_UNREADABLE * len(whole)


def _is_truncated(email: Email, cleaned: CleanEmail) -> bool:
    return len(email.body) > MAX_BODY_CHARS or _CUT.search(cleaned.text[-200:]) is not None


def _is_gibberish(_: Email, cleaned: CleanEmail) -> bool:
    words = _LATIN_WORD.findall(cleaned.text[:2000])
    return len(words) >= 5 and sum(_NO_WORD.search(word) is not None for word in words) > _MOST_GIBBERISH * len(words)


def _is_automatic(_: Email, cleaned: CleanEmail) -> bool:
    return _AUTOMATIC.search(cleaned.subject) is not None


_JUDGES: dict[str, Judge] = {
    "no subject": lambda _, cleaned: not cleaned.subject,
    "little text": lambda _, cleaned: len(cleaned.text) < _SHORTEST_TEXT,
    "no date": lambda email, _: email.sent_at is None,
    "illegible": _is_illegible,
    "truncated": _is_truncated,
    "gibberish": _is_gibberish,
    "auto-reply": _is_automatic,
}
FLAWS = (*_JUDGES, NEAR_DUPLICATE, BOILERPLATE, CONTESTED)
