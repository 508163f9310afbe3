"""What the APIs in which people give orders share: who asks, what is refused, and how an error is answered (RFC 9457)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from libs.common.domain.audit import Actor, Role
from libs.common.errors import NotAuthorised, ServingError, TriageError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

PROBLEM = "application/problem+json"
RETRY_AFTER_S = {429: 10, 503: 2}


class Forbidden(ServingError):
    """Whoever asks may look, and no more."""

    status: ClassVar[int] = 403


class Unprocessable(ServingError):
    """The request is well formed, but says something that cannot be."""

    status: ClassVar[int] = 422


class Principals(Protocol):
    """Who people say they are."""

    def authenticate(self, token: str) -> Actor:
        """The owner of ``token``; NotAuthorised when it is nobody's."""
        ...


Note = Callable[[Actor, str, str, dict[str, Any], datetime], object]
"""Appends to the audit chain."""


def bearer(header: str) -> str:
    """The token of an ``Authorization`` header; NotAuthorised without one."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthorised("no token was sent", "send Authorization: Bearer …, the token that `triage principal add` printed")
    return token.strip()


def require_worker(principals: Principals, token: str) -> Actor:
    """The owner of ``token``; Forbidden where it may only look."""
    actor = principals.authenticate(token)
    if actor.role is Role.VIEWER:
        raise Forbidden(f"{actor.name} is a viewer and may start and end nothing", "act as an engineer or an approver")
    return actor


def explain_errors(api: "FastAPI") -> None:
    """Have every error of ours, and every faulty request, answered by a problem document."""
    from fastapi import Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    def problem(status: int, detail: str, hint: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
        said = {"title": HTTPStatus(status).phrase, "status": int(status), "detail": detail, "hint": hint}
        headers = {**_headers_of(status), **(headers or {})}
        return JSONResponse({"type": "about:blank", **said}, status, headers=headers, media_type=PROBLEM)

    @api.exception_handler(TriageError)
    async def explain(request: Request, error: TriageError) -> JSONResponse:
        return problem(status_of(error), error.message, error.hint)

    @api.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults), "openapi.json describes each request")

    @api.exception_handler(HTTPException)
    async def miss(request: Request, error: HTTPException) -> JSONResponse:
        path = request.url.path
        if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return problem(error.status_code, f"{path}: {error.detail}", "openapi.json names every path", error.headers)
        allowed = ", ".join(_methods_at(api, request))
        return problem(
            error.status_code, f"{path} does not answer {request.method}", f"it answers {allowed}", {"Allow": allowed}
        )

    # Reached through the decorators only.
    _ = explain, refuse, miss


def _methods_at(api: "FastAPI", request: "Request") -> list[str]:
    """Of all routes at the path of a request: the framework itself names those of the first."""
    from starlette.routing import Match, Route

    routes = [route for route in api.routes if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in routes for method in route.methods or ()})


def _headers_of(status: int) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": str(RETRY_AFTER_S[status])} if status in RETRY_AFTER_S else {}


def status_of(error: TriageError) -> int:
    """The HTTP status that says what ``error`` says."""
    if isinstance(error, ServingError):
        return error.status
    return HTTPStatus.UNAUTHORIZED if isinstance(error, NotAuthorised) else HTTPStatus.SERVICE_UNAVAILABLE
