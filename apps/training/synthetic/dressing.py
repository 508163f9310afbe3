"""How a written mail looks when it arrives: typing errors, signature, quoted answer, HTML, attachments."""

import html
import random
from dataclasses import dataclass

from libs.common.domain.triage import Attachment, Email

_TYPO_SHARE = 0.25
_HTML_SHARE = 0.3
_SIGNED_SHARE = 0.6
_ATTACHED: dict[str, tuple[tuple[str, str], ...]] = {
    "billing": (("invoice.pdf", "application/pdf"), ("statement.xlsx", "application/vnd.ms-excel")),
    "orders": (("delivery-note.pdf", "application/pdf"), ("label.png", "image/png")),
    "technical_support": (("app.log", "text/plain"), ("screenshot.png", "image/png")),
    "hr": (("cv.pdf", "application/pdf"), ("note.jpg", "image/jpeg")),
    "legal": (("contract.docx", "application/msword"), ("nda.pdf", "application/pdf")),
    "scheduling": (("invite.ics", "text/calendar"),),
}
_GREETINGS = ("Hi,", "Hello,", "Dear team,", "Dear Sir or Madam,", "Good morning,", "")
_CLOSINGS = ("Best regards", "Kind regards", "Thanks", "Cheers", "Many thanks in advance")
_TITLES = ("Account Manager", "Head of Operations", "Analyst", "Office Management", "IT", "Consultant")


@dataclass(frozen=True, slots=True)
class Dressing:
    """A bare mail, who signs it, and the mail that it answers."""

    email: Email
    name: str
    answers: Email | None
    label: str


@dataclass(frozen=True, slots=True)
class Dressed:
    """What the dressing adds to the bare mail."""

    body: str
    is_html: bool
    attachments: tuple[Attachment, ...]


def dress(draw: random.Random, bare: Dressing) -> Dressed:
    """The mail as it arrives."""
    lines = [draw.choice(_GREETINGS), "", *(_mistype(draw, line) for line in bare.email.body.splitlines()), ""]
    lines += [draw.choice(_CLOSINGS), bare.name]
    if draw.random() < _SIGNED_SHARE:
        lines += ["--", f"{bare.name} | {draw.choice(_TITLES)}", f"Tel. +49 30 {draw.randrange(10**6)}", bare.email.sender]
    if bare.answers is not None and not bare.answers.is_html:
        quoted = bare.answers.body.splitlines()[:12]
        lines += ["", f"On {bare.answers.sent_at:%d %b %Y}, {bare.answers.sender} wrote:", *(f"> {line}" for line in quoted)]
    body, is_html = "\n".join(lines), draw.random() < _HTML_SHARE
    return Dressed(_as_html(body) if is_html else body, is_html, _attach(draw, bare.label))


def _mistype(draw: random.Random, line: str) -> str:
    """Swap two letters somewhere, in some of the lines."""
    if draw.random() >= _TYPO_SHARE or len(line) < 8:
        return line
    at = draw.randrange(1, len(line) - 2)
    return line[:at] + line[at + 1] + line[at] + line[at + 2 :]


def _as_html(body: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in body.splitlines() if line)
    style = "<style>p{font-family:Arial;color:#222}</style>"
    return (
        f'<html><head>{style}</head><body>{paragraphs}<img src="https://mail.example/o.gif" width="1" height="1"></body></html>'
    )


def _attach(draw: random.Random, label: str) -> tuple[Attachment, ...]:
    usual = _ATTACHED.get(label, (("document.pdf", "application/pdf"),))
    if draw.random() >= (0.45 if label in _ATTACHED else 0.1):
        return ()
    name, content_type = draw.choice(usual)
    return (Attachment(name=name, content_type=content_type, size_bytes=draw.randrange(4_000, 900_000)),)
