"""Request bodies → e-mails and feedback."""

import re
from dataclasses import dataclass
from typing import Any, cast

import orjson

from apps.serving.http import Request
from libs.common.domain.triage import Email
from libs.common.errors import BadRequest
from libs.common.features.json_mail import email_from_json
from libs.common.features.mime import parse_message

MAX_EMAILS = 256
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class FeedbackBody:
    """What a caller says of an earlier answer."""

    request_id: str
    label: str
    email: Email | None


def request_id_of(request: Request) -> str:
    """The caller's X-Request-Id, empty where there is none; BadRequest for one that is no id."""
    found = request.header(b"x-request-id")
    if found:
        _require_id(found, "X-Request-Id")
    return found


def emails_of(request: Request) -> list[Email] | Email:
    """The e-mail in the body, or the list of them; BadRequest or DataError says what is wrong with it."""
    if request.header(b"content-type").lower().startswith("message/rfc822"):
        return parse_message(request.body).email
    document = _json(request.body)
    if "emails" not in document:
        return email_from_json(document)
    listed = document["emails"]
    if len(document) > 1 or not isinstance(listed, list) or not 1 <= len(cast(list[object], listed)) <= MAX_EMAILS:
        raise BadRequest("'emails' is not a list of e-mails", f'write {{"emails": […]}} with 1 to {MAX_EMAILS} e-mails')
    return [email_from_json(item) for item in cast(list[object], listed)]


def feedback_of(request: Request) -> FeedbackBody:
    """The feedback in the body; BadRequest names the field at fault."""
    document = _json(request.body)
    if unknown := document.keys() - {"request_id", "label", "email"}:
        raise BadRequest(f"unknown field '{min(unknown)}'", "the fields are request_id, label and email")
    request_id, label = document.get("request_id"), document.get("label")
    if not isinstance(request_id, str) or not isinstance(label, str) or not label:
        raise BadRequest("request_id and label are needed", 'write {"request_id": "…", "label": "…"}')
    _require_id(request_id, "request_id")
    email = document.get("email")
    return FeedbackBody(request_id, label, None if email is None else email_from_json(email))


def _json(body: bytes) -> dict[str, Any]:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}", "write a JSON object, or send message/rfc822") from None
    if not isinstance(document, dict):
        raise BadRequest(f"the body is a JSON {type(document).__name__}", "write an object")
    return cast(dict[str, Any], document)


def _require_id(found: str, where: str) -> None:
    if not _REQUEST_ID.fullmatch(found):
        raise BadRequest(f"{where} is no id", "write 1 to 128 letters, digits or ._:-")
