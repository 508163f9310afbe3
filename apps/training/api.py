"""The training API: start, list, follow and cancel trainings. What may be done is decided at the desk."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from apps.training.desk import TrainingDesk, TrainingOrder, bearer
from libs.common.errors import NotAuthorised, ServingError, TriageError
from libs.common.stores.orchestrator import FlowRun

PROBLEM = "application/problem+json"

Authorization = Annotated[str, Header()]
IdempotencyKey = Annotated[str, Header(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]


def build_api(desk: TrainingDesk) -> FastAPI:
    """The routes below ``/training``; all but the health need ``Authorization: Bearer``."""
    api = FastAPI(title="triage training", version="1")

    @api.get("/healthz")
    def healthz() -> dict[str, str]:
        """200 while the process lives."""
        return {"status": "ok"}

    @api.post("/v1/trainings", status_code=HTTPStatus.ACCEPTED)
    def start(order: TrainingOrder, authorization: Authorization = "", idempotency_key: IdempotencyKey = "") -> FlowRun:
        """Start a training; with the same ``Idempotency-Key``, the answer is the training that it started before."""
        return desk.start(bearer(authorization), order, idempotency_key)

    @api.get("/v1/trainings")
    def trainings(authorization: Authorization = "", limit: Limit = 50) -> list[FlowRun]:
        """The newest trainings, newest first."""
        return list(desk.list(bearer(authorization), limit))

    @api.get("/v1/trainings/{training}")
    def status(training: UUID, authorization: Authorization = "") -> FlowRun:
        """One training: its state, what it returned or why it failed, and when."""
        return desk.get(bearer(authorization), str(training))

    @api.get("/v1/trainings/{training}/logs")
    def logs(training: UUID, authorization: Authorization = "") -> list[str]:
        """What it logged, oldest first."""
        return list(desk.logs(bearer(authorization), str(training)))

    @api.post("/v1/trainings/{training}/cancel")
    def cancel(training: UUID, authorization: Authorization = "") -> FlowRun:
        """End it; a training that has ended stays as it is."""
        return desk.cancel(bearer(authorization), str(training))

    # Reached through the decorators only.
    _ = healthz, start, trainings, status, logs, cancel
    _explain_errors(api)
    return api


def _explain_errors(api: FastAPI) -> None:
    @api.exception_handler(TriageError)
    async def explain(request: Request, error: TriageError) -> JSONResponse:
        return _problem(_status_of(error), error.message, error.hint)

    @api.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(map(str, fault['loc'][1:]))}: {fault['msg']}" for fault in error.errors()]
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults), "openapi.json describes each request")

    _ = explain, refuse


def _problem(status: int, detail: str, hint: str) -> JSONResponse:
    """A problem document of RFC 9457."""
    document = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "hint": hint,
    }
    return JSONResponse(document, status, media_type=PROBLEM)


def _status_of(error: TriageError) -> int:
    if isinstance(error, ServingError):
        return error.status
    return HTTPStatus.UNAUTHORIZED if isinstance(error, NotAuthorised) else HTTPStatus.SERVICE_UNAVAILABLE
