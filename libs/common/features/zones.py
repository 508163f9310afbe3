"""The zones of a cleaned e-mail: what the sender wrote, how they sign, what they answer to, what they pass on.

What the models read stays as it is: these zones are a finer view of the same text.
"""

import re
from dataclasses import dataclass

from libs.common.features.cleaning import FORWARD_MARK, CleanEmail

_LONGEST_SIGNATURE_LINES = 15
_LONGEST_SIGNATURE_LINE = 100
# The rule of RFC 3676, or the long one that lists draw above their footer; shorter ones stand within texts.
_RULE = re.compile(r"--|[_-]{30,}")
_SIGN_OFF = re.compile(
    r"(?:(?:kind|best|warm|with kind|with best) (?:regards|wishes)|regards|best|cheers|sincerely(?: yours)?"
    r"|yours (?:sincerely|faithfully|truly)|many thanks|thanks|thank you|thx"
    r"|mit (?:freundlichen|besten|herzlichen) grüßen|(?:viele|liebe|beste|herzliche) grüße|mfg|cordialement|bien à vous"
    r"|saludos(?: cordiales)?|un saludo|cordiali saluti|distinti saluti|atenciosamente|met vriendelijke groet(?:en)?"
    r"|med vänliga hälsningar|med venlig hilsen|z poważaniem)[\s,.!]*"
    r"|sent from my [\w ]{2,30}|get outlook for \w{2,20}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Zones:
    """Four stretches of text, each empty where there is none."""

    text: str
    signature: str
    quoted: str
    forwarded: str


def zones_of(cleaned: CleanEmail) -> Zones:
    """Part a cleaned e-mail into its zones."""
    text, signature = split_signature(cleaned.text)
    quoted, forwarded = split_forwarded(cleaned.quoted)
    return Zones(text, signature, quoted, forwarded)


def split_signature(text: str) -> tuple[str, str]:
    """The text and the signature at its end, which begins with a rule (``--``) or a sign-off; a mail is never all signature."""
    lines = text.split("\n")
    tail = range(max(1, len(lines) - _LONGEST_SIGNATURE_LINES), len(lines))
    start = next((at for at in tail if _begins_signature(lines, at)), len(lines))
    return "\n".join(lines[:start]).strip(), "\n".join(lines[start:]).strip()


def split_forwarded(quoted: str) -> tuple[str, str]:
    """The quoted text, and all from the first mark of a forwarded message on."""
    lines = quoted.split("\n")
    start = next((at for at, line in enumerate(lines) if len(line) < 200 and FORWARD_MARK.fullmatch(line)), len(lines))
    return "\n".join(lines[:start]).strip(), "\n".join(lines[start:]).strip()


def _begins_signature(lines: list[str], at: int) -> bool:
    line = lines[at]
    if len(line) > _LONGEST_SIGNATURE_LINE or not (_RULE.fullmatch(line) or _SIGN_OFF.fullmatch(line)):
        return False
    return all(len(below) <= _LONGEST_SIGNATURE_LINE for below in lines[at:])
