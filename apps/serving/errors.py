"""Errors of the HTTP surface, and how any error becomes an RFC 9457 problem document."""

from http import HTTPStatus
from typing import ClassVar

import orjson

from apps.serving.http import Headers, Reply
from libs.common.errors import DataError, NotAuthorised, ServingError, StoreError, TriageError

RETRY_AFTER_S = {429: 1, 503: 2}


class RouteNotFound(ServingError):
    """No such path."""

    status: ClassVar[int] = 404


class MethodNotAllowed(ServingError):
    """The path exists, but not for this method."""

    status: ClassVar[int] = 405


class BodyTooLarge(ServingError):
    """The body is longer than the configured limit."""

    status: ClassVar[int] = 413


class BodyTooSlow(ServingError):
    """The body did not arrive within the configured time."""

    status: ClassVar[int] = 408


class Unprocessable(ServingError):
    """The request is well formed, but says something that cannot be."""

    status: ClassVar[int] = 422


class CandidateFailed(ServingError):
    """The candidate could not answer; stable does, so that no caller ever sees this."""


def problem(error: Exception) -> Reply:
    """``application/problem+json`` for ``error``; what is not ours to explain is a plain 500 without details."""
    status = _status_of(error)
    document: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if isinstance(error, TriageError):
        document["type"] = f"urn:triage:problem:{_kebab(type(error).__name__)}"
        document["detail"] = error.message
        if error.hint:
            document["hint"] = error.hint
    retry_after: Headers = ((b"retry-after", b"%d" % RETRY_AFTER_S[status]),) if status in RETRY_AFTER_S else ()
    return Reply(status, orjson.dumps(document), b"application/problem+json", retry_after)


def _status_of(error: Exception) -> int:
    if isinstance(error, ServingError):
        return error.status
    if isinstance(error, NotAuthorised):
        return 401
    if isinstance(error, StoreError):
        return 503
    return 400 if isinstance(error, DataError) else 500


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
