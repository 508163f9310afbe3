"""The batch API: order, follow, end and fetch batches. What may be done is decided at the desk."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse
from pydantic import ValidationError

from apps.serving.batches.desk import BatchDesk, WantedBatch
from apps.serving.batches.results import Result, json_lines, read_part, read_result
from apps.serving.batches.uploads import name_for, require_room, take
from libs.common.desk import Unprocessable, bearer, explain_errors
from libs.common.domain.batch import Batch
from libs.common.domain.value import Value
from libs.common.stores.objects import Objects

Authorization = Annotated[str, Header()]
IdempotencyKey = Annotated[str, Header(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=200)]
Part = Annotated[int, Query(ge=0)]
Form = Annotated[Literal["parquet", "jsonl"], Query()]

_JSON = "application/json"
_ORDER_LIMIT_BYTES = 65_536


class SourceOrder(Value):
    """A source that is there already, and who is to triage it."""

    source: str
    model: str = "email_classifier"
    version: str = "live"
    columns: dict[str, str] = {}


def build_api(desk: BatchDesk, objects: Objects) -> FastAPI:
    """The routes at ``/v1/batch``; all need ``Authorization: Bearer``."""
    api = FastAPI(title="triage batches", version="1", openapi_url=None)

    @api.post("/v1/batch", status_code=HTTPStatus.ACCEPTED)
    async def order(
        request: Request,
        model: str = "email_classifier",
        version: str = "live",
        column: Annotated[tuple[str, ...], Query()] = (),
        content_type: Annotated[str, Header()] = "",
        content_length: Annotated[int, Header()] = 0,
        authorization: Authorization = "",
        idempotency_key: IdempotencyKey = "",
    ) -> Batch:
        """Triage a source, ordered as JSON, or the mail that is the body."""
        token = bearer(authorization)
        await run_in_threadpool(desk.require_worker, token)  # before anything is read
        if content_type.partition(";")[0].strip().lower() == _JSON:
            asked = await _read_order(request)
            wanted = WantedBatch(asked.model, asked.version, asked.columns, idempotency_key)
            return await run_in_threadpool(desk.order, token, asked.source, wanted)
        name, limit = name_for(content_type), desk.rules.upload_limit_bytes
        require_room(content_length, limit)
        wanted = WantedBatch(model, version, _pairs(column), idempotency_key)
        with TemporaryDirectory(prefix="triage-batch-") as folder:
            upload = await take(request.stream(), name, Path(folder), limit)
            return await run_in_threadpool(desk.order_upload, token, upload, wanted)

    @api.get("/v1/batch")
    def batches(authorization: Authorization = "", limit: Limit = 50) -> list[Batch]:
        """The caller's newest batches, newest first."""
        return list(desk.list(bearer(authorization), limit))

    @api.get("/v1/batch/{batch}")
    def status(batch: UUID, authorization: Authorization = "") -> Batch:
        """One batch: its state, how far it is, and by which version."""
        return desk.get(bearer(authorization), str(batch))

    @api.post("/v1/batch/{batch}/cancel")
    def cancel(batch: UUID, authorization: Authorization = "") -> Batch:
        """End it; one that has succeeded stays as it is."""
        return desk.cancel(bearer(authorization), str(batch))

    @api.post("/v1/batch/{batch}/resume", status_code=HTTPStatus.ACCEPTED)
    def resume(batch: UUID, authorization: Authorization = "") -> Batch:
        """Go on with one that failed or was interrupted."""
        return desk.resume(bearer(authorization), str(batch))

    # Reached through the decorators only.
    _ = order, batches, status, cancel, resume
    _add_results(api, desk, objects)
    explain_errors(api)
    return api


def _add_results(api: FastAPI, desk: BatchDesk, objects: Objects) -> None:
    @api.get("/v1/batch/{batch}/result")
    def result(batch: UUID, authorization: Authorization = "") -> Result:
        """Its parts with their digests; 409 before it has succeeded."""
        return read_result(objects, desk.get(bearer(authorization), str(batch)))

    @api.get("/v1/batch/{batch}/result/{part}")
    def part(batch: UUID, part: int, authorization: Authorization = "", form: Form = "parquet") -> Response:
        """One part."""
        return _rows(read_part(objects, desk.get(bearer(authorization), str(batch)), part), form)

    @api.get("/v1/batch/{batch}/quarantine/{part}")
    def quarantine(batch: UUID, part: int, authorization: Authorization = "", form: Form = "parquet") -> Response:
        """What a part set aside, and why."""
        return _rows(read_part(objects, desk.get(bearer(authorization), str(batch)), part, quarantine=True), form)

    _ = result, part, quarantine


Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]


def at_its_prefix(api: FastAPI) -> Asgi:
    """``api`` with its routes spelled in full: a route prefix that Serve has taken off is part of the path again."""

    async def answer(scope: Scope, receive: Any, send: Any) -> None:
        await api({**scope, "root_path": ""} if scope["type"] == "http" else scope, receive, send)

    return answer


async def _read_order(request: Request) -> SourceOrder:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        require_room(len(body), _ORDER_LIMIT_BYTES)
    try:
        return SourceOrder.model_validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise Unprocessable(f"{place}: {first['msg']}", 'write e.g. {"source": "s3://bucket/mail.mbox"}') from error


def _pairs(column: tuple[str, ...]) -> dict[str, str]:
    return {ours: theirs for ours, _, theirs in (pair.partition("=") for pair in column)}


def _rows(content: bytes, form: str) -> Response:
    if form == "jsonl":
        return StreamingResponse(json_lines(content), media_type="application/x-ndjson")
    return Response(content, media_type="application/vnd.apache.parquet")
