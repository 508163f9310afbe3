"""The training API: start, list, follow and cancel trainings. What may be done is decided at the desk."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Header, Query

from apps.training.desk import TrainingDesk, TrainingOrder
from libs.common.desk import bearer, explain_errors
from libs.common.stores.orchestrator import FlowRun

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
    explain_errors(api)
    return api
