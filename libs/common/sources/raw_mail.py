"""One mail as a reader found it, and how it becomes an `Email`; what labels it is not known here."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.features.mime import ParsedMessage, parse_message, thread_of

MailField = Literal["raw", "message_id", "sender", "recipients", "subject", "body", "is_html", "sent_at", "thread_id"]
Names = Callable[[MailField], str]
"""What a table calls one of our fields."""


@dataclass(frozen=True, slots=True)
class RawMail:
    """One mail as a reader found it: whole (``raw``) or in columns, and the folder or mailbox it lay in."""

    origin: str
    raw: bytes | None = None
    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    place: str = ""


class RawStretch(Protocol):
    """A part of a source that one task reads; ``mails`` is how many it holds."""

    @property
    def mails(self) -> int: ...

    def read(self) -> Iterator[RawMail]:
        """The mails in order."""
        ...


def read_mail(mail: RawMail, names: Names) -> ParsedMessage:
    """Parse one mail, or put it together from its columns; DataError says why it is none."""
    if mail.raw is not None:
        return parse_message(mail.raw)
    whole = mail.columns.get(names("raw"))
    if whole is not None:
        return parse_message(whole if isinstance(whole, bytes) else str(whole).encode("utf-8", "replace"))
    email = _put_together(mail, names)
    if not email.subject.strip() and not email.body.strip():
        raise DataError("neither subject nor body", "")
    return ParsedMessage(email, ())


def text_of(mail: RawMail, column: str) -> str:
    """What stands in a column, as text; empty where there is nothing."""
    found = mail.columns.get(column)
    text = "" if found is None else str(found)
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def readable_name(name: str) -> str:
    """A file's name may hold bytes that are no UTF-8; what is said of a row must not."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _put_together(mail: RawMail, names: Names) -> Email:
    def text(name: MailField) -> str:
        return text_of(mail, names(name))

    subject, body, sender = text("subject"), text("body"), text("sender")
    # Named by its content, not by its row: the same mail in another file is the same mail.
    content = hashlib.sha256("\0".join((sender, subject, body)).encode()).hexdigest()
    message_id = text("message_id") or f"sha256-{content[:32]}"
    return Email(
        message_id=message_id,
        sender=sender.lower(),
        subject=subject,
        body=body,
        is_html=text("is_html").lower() in ("true", "1", "yes"),
        recipients=tuple(_listed(mail.columns.get(names("recipients")))),
        sent_at=_time(mail.columns.get(names("sent_at"))),
        thread_id=text("thread_id") or thread_of(message_id, "", "", subject),
    )


def _listed(found: object) -> Iterator[str]:
    texts = found if isinstance(found, list | tuple) else str(found or "").split(",")
    return (str(text).strip().lower() for text in texts if str(text).strip())


def _time(found: object) -> datetime | None:
    try:
        time = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
