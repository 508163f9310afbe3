"""An Email as the JSON object of the HTTP interface, there and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from libs.common.domain.triage import Attachment, Email
from libs.common.errors import DataError
from libs.common.features.bounds import MAX_PARTS
from libs.common.features.mime import thread_of

_Kind = TypeVar("_Kind")
_FIELDS = ("message_id", "sender", "subject", "body", "is_html", "recipients", "sent_at", "thread_id", "attachments")
_ATTACHMENT_FIELDS = ("name", "content_type", "size_bytes")


def email_from_json(document: object) -> Email:
    """The Email in a JSON object; only ``subject`` or ``body`` must be there. A DataError names the field at fault."""
    fields = _object(document, "the e-mail", _FIELDS)
    subject, body = _text(fields, "subject"), _text(fields, "body")
    if not subject.strip() and not body.strip():
        raise DataError("the e-mail has neither a subject nor a body", 'write {"subject": "…", "body": "…"}')
    message_id = _text(fields, "message_id")
    return Email(
        message_id=message_id,
        sender=_text(fields, "sender"),
        subject=subject,
        body=body,
        is_html=_typed(fields, "is_html", bool, False, "true or false"),
        recipients=tuple(_recipients(fields)),
        sent_at=_time(fields),
        thread_id=_text(fields, "thread_id") or thread_of(message_id, "", "", subject),
        attachments=tuple(_attachments(fields)),
    )


def email_to_json(email: Email) -> dict[str, Any]:
    """The JSON object of an Email; ``email_from_json`` reads it back."""
    return {
        "message_id": email.message_id,
        "sender": email.sender,
        "subject": email.subject,
        "body": email.body,
        "is_html": email.is_html,
        "recipients": list(email.recipients),
        "sent_at": email.sent_at.isoformat() if email.sent_at else None,
        "thread_id": email.thread_id,
        "attachments": [{name: getattr(item, name) for name in _ATTACHMENT_FIELDS} for item in email.attachments],
    }


def _object(document: object, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise DataError(f"{where} is {_kind(document)}, not an object", f"write an object with {', '.join(known)}")
    fields = cast("dict[str, Any]", document)
    if unknown := [str(name) for name in fields if name not in known]:
        raise DataError(f"{where} has the unknown field '{unknown[0]}'", f"the fields are {', '.join(known)}")
    return fields


def _typed(fields: Mapping[str, Any], name: str, kind: type[_Kind], default: _Kind, wanted: str) -> _Kind:
    found = fields.get(name)
    if found is None:
        return default
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise DataError(f"'{name}' is {_kind(found)}", f"write {wanted}")
    return found


def _text(fields: Mapping[str, Any], name: str) -> str:
    text = _typed(fields, name, str, "", "a string")
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _recipients(fields: Mapping[str, Any]) -> list[str]:
    found = cast("list[object]", _typed(fields, "recipients", list, [], "a list of addresses"))
    return [_item(recipient, "recipients", str, "a list of addresses") for recipient in found]


def _attachments(fields: Mapping[str, Any]) -> list[Attachment]:
    found = cast("list[object]", _typed(fields, "attachments", list, [], "a list of objects"))
    if len(found) > MAX_PARTS:
        raise DataError(f"'attachments' has {len(found)} items", f"write {MAX_PARTS} at most")
    return [_attachment(_object(item, f"'attachments[{at}]'", _ATTACHMENT_FIELDS)) for at, item in enumerate(found)]


def _attachment(fields: Mapping[str, Any]) -> Attachment:
    return Attachment(
        _text(fields, "name"), _text(fields, "content_type"), _typed(fields, "size_bytes", int, 0, "a count of bytes")
    )


def _item(found: object, name: str, kind: type[_Kind], wanted: str) -> _Kind:
    return _typed({name: found}, name, kind, kind(), wanted)


def _time(fields: Mapping[str, Any]) -> datetime | None:
    text = _text(fields, "sent_at")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DataError(f"'sent_at' is '{text[:40]}'", "write a time as 2025-01-15T10:30:00Z") from error


def _kind(found: object) -> str:
    kinds: tuple[tuple[type, str], ...] = ((dict, "an object"), (list, "a list"), (str, "a string"), (bool, "a boolean"))
    return next((name for kind, name in kinds if isinstance(found, kind)), "null" if found is None else "a number")
