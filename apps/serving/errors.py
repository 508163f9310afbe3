"""Errors of the HTTP surface, and how any error becomes an RFC 9457 problem document."""

from collections.abc import Iterable, Sequence
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
    """The path exists, but not for this method; ``allow`` are those that it answers."""

    status: ClassVar[int] = 405

    def __init__(self, message: str, allow: Iterable[str]) -> None:
        listed = ", ".join(allow)
        super().__init__(message, f"use {listed}")
        self.headers: Headers = ((b"allow", listed.encode()),)


class InFlight(ServingError):
    """A request with the same Idempotency-Key is being answered."""

    status: ClassVar[int] = 409


class BodyTooLarge(ServingError):
    """The body is longer than the configured limit."""

    status: ClassVar[int] = 413


class BodyTooSlow(ServingError):
    """The body did not arrive within the configured time."""

    status: ClassVar[int] = 408


class UnsupportedMediaType(ServingError):
    """The body is said to be of a kind that this route does not read; ``accepted`` are those that it does."""

    status: ClassVar[int] = 415

    def __init__(self, message: str, accepted: Sequence[str]) -> None:
        super().__init__(message, f"send {' or '.join(accepted)}")
        self.headers: Headers = ((b"accept", ", ".join(accepted).encode()),)


class HeadTooLarge(ServingError):
    """There are too many headers, or too many bytes in them."""

    status: ClassVar[int] = 431


class Unprocessable(ServingError):
    """The request is well formed, but says something that cannot be."""

    status: ClassVar[int] = 422


class OverLimit(ServingError):
    """The caller's key has no more left for now; ``headers`` say when it has."""

    status: ClassVar[int] = 429

    def __init__(self, message: str, hint: str, headers: Headers) -> None:
        super().__init__(message, hint)
        self.headers = headers


class CandidateFailed(ServingError):
    """The candidate could not answer; stable does, so that no caller ever sees this."""


def problem(error: Exception) -> Reply:
    """``application/problem+json`` for ``error``; what is not ours to explain is a plain 500 without details."""
    status = status_of(error)
    document: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if isinstance(error, TriageError):
        document["type"] = f"urn:triage:problem:{_kebab(type(error).__name__)}"
        document["detail"] = error.message
        if error.hint:
            document["hint"] = error.hint
    return Reply(status, orjson.dumps(document), b"application/problem+json", headers_of(error, status))


def headers_of(error: Exception, status: int) -> Headers:
    """What a refusal says beside its body: what to use instead, or when to come again."""
    if isinstance(error, MethodNotAllowed | OverLimit | UnsupportedMediaType):
        return error.headers
    if status == HTTPStatus.UNAUTHORIZED:
        return ((b"www-authenticate", b"Bearer"),)
    return ((b"retry-after", b"%d" % RETRY_AFTER_S[status]),) if status in RETRY_AFTER_S else ()


def status_of(error: Exception) -> int:
    """The HTTP status that says what ``error`` says."""
    if isinstance(error, ServingError):
        return error.status
    if isinstance(error, NotAuthorised):
        return 401
    if isinstance(error, StoreError):
        return 503
    return 400 if isinstance(error, DataError) else 500


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
