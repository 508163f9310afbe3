"""The monitoring API, read-only: measurements, alerts, and how the watch itself fares."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from apps.monitoring.watch import WatchStatus
from libs.common.domain.alert import Alert
from libs.common.domain.measurement import Measurement
from libs.common.errors import TriageError
from libs.common.stores.records import Records

if TYPE_CHECKING:
    from fastapi import FastAPI

PROBLEM = "application/problem+json"
SHOWN = timedelta(days=1)


def build_api(
    records: Records, status: Callable[[], WatchStatus], now: Callable[[], datetime], stale_after: timedelta
) -> "FastAPI":
    """The routes below ``/monitoring``. The watch is healthy while its last cycle is younger than ``stale_after``."""
    from fastapi import FastAPI, Query, Request
    from fastapi.responses import JSONResponse

    api = FastAPI(title="triage monitoring", version="1")

    def since_or_default(since: datetime | None) -> datetime:
        if since is None:
            return now() - SHOWN
        return since if since.tzinfo else since.replace(tzinfo=UTC)

    @api.get("/healthz")
    def healthz() -> JSONResponse:
        """200 while the watch goes round, 503 when it has stopped."""
        last = status().last_cycle_at
        alive = last is not None and now() - last < stale_after
        return JSONResponse({"status": "ok" if alive else "stalled"}, 200 if alive else 503)

    @api.get("/v1/measurements")
    def measurements(
        model: str, metric: str | None = None, since: Annotated[datetime | None, Query()] = None
    ) -> list[Measurement]:
        """What was measured of ``model``, oldest first: of one metric, if named; of the last day, unless ``since`` is given."""
        return records.measurements.between(model, since_or_default(since), now(), metric)

    @api.get("/v1/alerts")
    def alerts(model: str, since: Annotated[datetime | None, Query()] = None) -> list[Alert]:
        """Both ends of the alerts of ``model``: of the last day, unless ``since`` is given."""
        return list(records.alerts.list(model, since_or_default(since)))

    @api.get("/v1/status")
    def watch_status() -> dict[str, Any]:
        """Cycles done, cycles failed, when the last one was, and the models that are live."""
        return asdict(status())

    @api.exception_handler(TriageError)
    async def explain(request: Request, error: TriageError) -> JSONResponse:
        problem = {"type": "about:blank", "title": error.message, "status": 503, "detail": error.hint}
        return JSONResponse(problem, 503, media_type=PROBLEM)

    # Reached through the decorators only.
    _ = healthz, measurements, alerts, watch_status, explain
    return api
