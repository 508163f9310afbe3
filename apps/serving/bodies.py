"""Request bodies → e-mails and feedback."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from apps.serving.errors import UnsupportedMediaType
from apps.serving.heads import require_id
from apps.serving.http import Request
from libs.common.domain.triage import Email
from libs.common.errors import BadRequest
from libs.common.features.json_mail import email_from_json
from libs.common.features.mime import parse_message

MAX_EMAILS = 256
JSON_ONLY = ("application/json",)
MAIL_TYPES = (*JSON_ONLY, "message/rfc822")


@dataclass(frozen=True, slots=True)
class FeedbackBody:
    """What a caller says of an earlier answer."""

    request_id: str
    label: str
    email: Email | None


def emails_of(request: Request) -> list[Email] | Email:
    """The e-mail in the body, or the list of them; BadRequest or DataError says what is wrong with it."""
    if _media_type(request) == "message/rfc822":
        return parse_message(request.body).email
    document = json_of(request, MAIL_TYPES)
    if "emails" not in document:
        return email_from_json(document)
    listed = document["emails"]
    if len(document) > 1 or not isinstance(listed, list) or not 1 <= len(cast(list[object], listed)) <= MAX_EMAILS:
        raise BadRequest("'emails' is not a list of e-mails", f'write {{"emails": […]}} with 1 to {MAX_EMAILS} e-mails')
    return [email_from_json(item) for item in cast(list[object], listed)]


def feedback_of(request: Request) -> FeedbackBody:
    """The feedback in the body; BadRequest names the field at fault."""
    document = json_of(request)
    if unknown := document.keys() - {"request_id", "label", "email"}:
        raise BadRequest(f"unknown field '{min(unknown)}'", "the fields are request_id, label and email")
    request_id, label = document.get("request_id"), document.get("label")
    if not isinstance(request_id, str) or not isinstance(label, str) or not label:
        raise BadRequest("request_id and label are needed", 'write {"request_id": "…", "label": "…"}')
    require_id(request_id, "request_id")
    email = document.get("email")
    return FeedbackBody(request_id, label, None if email is None else email_from_json(email))


def json_of(request: Request, accepted: Sequence[str] = JSON_ONLY) -> dict[str, Any]:
    """The JSON object in the body; UnsupportedMediaType, naming what is ``accepted``, where it is said to be something else."""
    media_type = _media_type(request)
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType(f"the body is {media_type[:80]}", accepted)
    try:
        document: object = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is no JSON: {error}", f"send {' or '.join(accepted)}") from None
    if not isinstance(document, dict):
        raise BadRequest(f"the body is a JSON {type(document).__name__}", "write an object")
    return cast(dict[str, Any], document)


def _media_type(request: Request) -> str:
    return request.header(b"content-type").partition(";")[0].rstrip().lower()
