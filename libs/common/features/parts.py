"""The tree of MIME parts → the text that is read first, and what is attached: name, type and size, never the content."""

import email.message
import email.utils
from dataclasses import dataclass, field
from typing import cast

from libs.common.domain.triage import Attachment
from libs.common.features.bounds import Part
from libs.common.features.calendars import calendar_text
from libs.common.features.charsets import decode
from libs.common.features.encoded_words import decode_words

# Deeper nesting is no mail a person sends; the parser itself gives up near 300 levels.
MAX_DEPTH = 20
# Twice what cleaning reads, so that a body too long still shows as such.
MAX_BODY_CHARS = 400_000
_CALENDARS = frozenset({"text/calendar", "application/ics"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What was found in a tree: texts by kind, attachments, and the messages among them."""

    plain: list[str] = field(default_factory=list[str])
    html: list[str] = field(default_factory=list[str])
    calendars: list[str] = field(default_factory=list[str])
    forwarded: list[Part] = field(default_factory=list[Part])
    attachments: list[Attachment] = field(default_factory=list[Attachment])


def read_parts(message: Part, depth: int = 0) -> Parts:
    """Everything of a message; ValueError where its parts lie deeper than ``MAX_DEPTH`` levels."""
    parts = Parts()
    _collect(message, parts, depth)
    return parts


def body_of(parts: Parts, depth: int = 0) -> tuple[str, bool]:
    """The text to read, at most ``MAX_BODY_CHARS`` of it, and whether it is HTML.

    An invitation or a forwarded message is read only where the sender wrote nothing beside it: there it is the message.
    """
    plain, html = "\n".join(parts.plain), "\n".join(parts.html)
    # Mailers that write only HTML often add a blank or one-word plain part: then the HTML is the message.
    if html and len(plain.strip()) * 20 < len(html) and len(plain.strip()) < 40:
        return html[:MAX_BODY_CHARS], True
    if plain.strip():
        return plain[:MAX_BODY_CHARS], False
    if any(parts.calendars):
        return "\n\n".join(filter(None, parts.calendars))[:MAX_BODY_CHARS], False
    if parts.forwarded and depth < MAX_DEPTH:
        return _forwarded(parts.forwarded[0], depth + 1)
    return plain[:MAX_BODY_CHARS], False


def _forwarded(message: Part, depth: int) -> tuple[str, bool]:
    body, is_html = body_of(read_parts(message, depth), depth)
    # The mark that mailers write above a forwarded text, by which cleaning knows it; without the sender, who is no feature.
    lines = ("---------- Forwarded message ----------", f"Subject: {subject_of(message)}")
    head = "".join(f"<p>{_escaped(line)}</p>\n" for line in lines) if is_html else "\n".join(lines) + "\n\n"
    return (head + body)[:MAX_BODY_CHARS], is_html


def subject_of(message: email.message.Message) -> str:
    """The subject on one line, decoded."""
    found = next((text for name, text in message.raw_items() if name.lower() == "subject"), "")
    return " ".join(decode_words(readable(found)).split())


def readable(text: object) -> str:
    """A header as the parser leaves it, with 8-bit characters read as well as can be."""
    return decode(str(text).encode("utf-8", "surrogateescape"), "")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _collect(message: Part, parts: Parts, depth: int) -> None:
    content_type = message.get_content_type()
    if message.is_multipart() and content_type.startswith("multipart/"):
        if depth == MAX_DEPTH:
            raise ValueError(f"parts lie more than {MAX_DEPTH} levels deep")
        for part in _children(message):
            _collect(part, parts, depth + 1)
        return
    file_name = _parameter(message, "filename", "content-disposition") or _parameter(message, "name", "content-type")
    attached = file_name or message.get_content_disposition() == "attachment"
    # A multipart whose boundary never comes is one block of text to every mail reader, so it is to us.
    if attached or content_type in _CALENDARS or not content_type.startswith(("text/", "multipart/")):
        _note_attachment(message, content_type, file_name, parts)
        return
    text = decode(_payload(message), _parameter(message, "charset", "content-type"))
    (parts.html if content_type == "text/html" else parts.plain).append(text)


def _note_attachment(message: Part, content_type: str, file_name: str, parts: Parts) -> None:
    name = " ".join(decode_words(file_name).split())
    if content_type in _CALENDARS:
        parts.calendars.append(calendar_text(decode(_payload(message), _parameter(message, "charset", "content-type"))))
    if content_type == "message/rfc822" and (nested := _children(message)):
        parts.forwarded.append(nested[0])
        # Mailers show an attached message by its subject; most give it no file name.
        name = name or subject_of(nested[0])
    parts.attachments.append(Attachment(name, content_type, _size(message)))


def _children(message: Part) -> list[Part]:
    return cast("list[Part]", message.get_payload()) if message.is_multipart() else []


def _payload(message: Part) -> bytes:
    # Without `decode` the standard library would look up whatever codec the sender names.
    payload = message.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _size(message: Part) -> int:
    return sum(_leaf_size(part) for part in message.walk() if not part.is_multipart())


def _leaf_size(part: Part) -> int:
    if part.sent_bytes:
        return part.sent_bytes * 3 // 4 if part.is_base64 else part.sent_bytes
    return len(_payload(part))


def _parameter(message: Part, name: str, header: str) -> str:
    found = message.get_param(name, "", header)
    if isinstance(found, tuple):
        charset, _, text = found
        return decode(str(text or "").encode("raw-unicode-escape", "replace"), str(charset or "")).strip()
    return readable(email.utils.unquote(str(found or ""))).strip()
