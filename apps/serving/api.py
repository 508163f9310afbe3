"""The HTTP surface of one model's replicas: a plain ASGI application (ADR 17)."""

import asyncio
import time
import uuid
from pathlib import Path

import orjson

from apps.serving.answerer import Answerer
from apps.serving.bodies import feedback_of
from apps.serving.classification import Classification
from apps.serving.cors import cors_headers, preflight
from apps.serving.doorman import Doorman
from apps.serving.errors import BodyTooLarge, BodyTooSlow, problem
from apps.serving.explaining import Explainer
from apps.serving.feedback import FeedbackDesk
from apps.serving.heads import require_id, require_small_head
from apps.serving.http import ClientGone, Receive, Reply, Request, Scope, Send, header_in, live_through, read_body, send_reply
from apps.serving.idempotency import Idempotency
from apps.serving.metrics import ServingMetrics
from apps.serving.open_inference import PREFIX, OpenInference, refusal
from apps.serving.router import Router, Routes
from apps.serving.settings import ReplicaSettings
from libs.common.errors import TriageError, Unavailable
from libs.common.logs import get_logger

logger = get_logger("serving.api")
OPENAPI = Path(__file__).with_name("openapi.json")


class Api:
    """Answers HTTP for one model; ``doorman`` is None where no keys are required.

    Serve cancels the call of a caller who hangs up, and with it whatever of the request has not reached the engine.
    """

    def __init__(
        self,
        answerer: Answerer,
        feedback: FeedbackDesk,
        metrics: ServingMetrics,
        settings: ReplicaSettings,
        doorman: Doorman | None = None,
    ) -> None:
        self._answerer = answerer
        self._feedback = feedback
        self._metrics = metrics
        self._doorman = doorman
        self._body_limit_bytes = settings.body_limit_bytes
        self._body_timeout_s = settings.body_timeout_s
        self._http = settings.http
        self._origins = {origin.encode() for origin in settings.http.allowed_origins}
        self._openapi = OPENAPI.read_bytes()
        kept = settings.http.idempotency
        idempotency = Idempotency(kept.keep.total_seconds(), kept.size, time.monotonic)
        explainer = Explainer(settings.http.explanations)
        classification = Classification(answerer, explainer, settings.request_timeout_s, doorman)
        self.routes: Routes = {
            "/v1/classify": {"POST": idempotency.once(classification.classify)},
            "/v1/feedback": {"POST": self._take_feedback},
            "/healthz": {"GET": self._show_health},
            "/readyz": {"GET": self._show_readiness},
            "/metrics": {"GET": self._show_metrics},
            "/openapi.json": {"GET": self._show_openapi},
            **OpenInference(settings.model, answerer, classification).routes,
        }
        self._router = Router(self.routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a problem document."""
        if scope["type"] == "lifespan":
            await live_through(receive, send)
            return
        given = header_in(scope["headers"], b"x-request-id").decode("latin-1")
        request_id = given or str(uuid.uuid4())
        try:
            reply = await self._answer(scope, receive, request_id)
        except ClientGone:
            self._metrics.fault("client_gone")
            return
        except asyncio.CancelledError:
            self._metrics.fault("client_gone")
            raise
        if not given:
            # Serve's ingress repeats a caller's own id by itself; a second header would make two.
            reply = reply.with_headers([(b"x-request-id", request_id.encode())])
        if self._origins:
            reply = reply.with_headers(cors_headers(header_in(scope["headers"], b"origin"), self._origins))
        await send_reply(send, reply)

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Reply:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            return await self._perform(scope, path, receive, request_id)
        except TriageError as error:
            return self._refuse(path, error)
        except ClientGone:
            raise
        except Exception as error:
            logger.exception("%s %s failed", scope["method"], path)
            return self._refuse(path, error)

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_timeout_s):
                body = await read_body(receive, self._body_limit_bytes)
        except TimeoutError:
            raise BodyTooSlow(f"the body was not there within {self._body_timeout_s:g} s", "send it at once") from None
        if body is None:
            raise BodyTooLarge(f"the body is longer than {self._body_limit_bytes} bytes", "leave attachments out")
        return body

    async def _perform(self, scope: Scope, path: str, receive: Receive, request_id: str) -> Reply:
        arrived = time.perf_counter()
        require_small_head(scope["headers"], self._http.max_headers, self._http.max_header_bytes)
        require_id(request_id, "X-Request-Id")
        method, headers = scope["method"], dict(scope["headers"])
        if self._origins and method == "OPTIONS":
            return preflight(self._router.methods_of(path))
        route, parameters = self._router.find(method, path)
        query = scope["query_string"]
        if method != "POST":
            return await route(Request(method, path, headers, b"", query, parameters, arrived), request_id)
        owner = await self._doorman.admit(headers) if self._doorman else ""
        body = await self._read(receive)
        reply = await route(Request(method, path, headers, body, query, parameters, arrived, owner), request_id)
        return reply.with_headers(self._doorman.fields(owner)) if self._doorman else reply

    def _refuse(self, path: str, error: Exception) -> Reply:
        reply = refusal(error) if path == PREFIX or path.startswith(f"{PREFIX}/") else problem(error)
        self._metrics.refused(reply.status)
        return reply

    async def _take_feedback(self, request: Request, request_id: str) -> Reply:
        said = feedback_of(request)
        labels = self._answerer.live.labels if self._answerer.live else ()
        token = request.header(b"authorization").removeprefix("Bearer ")
        new = await asyncio.to_thread(self._feedback.take, said, labels, token)
        return Reply(202, orjson.dumps({"request_id": said.request_id, "label": said.label, "new": new}))

    async def _show_health(self, request: Request, request_id: str) -> Reply:
        return Reply(200, b'{"status":"alive"}')

    async def _show_readiness(self, request: Request, request_id: str) -> Reply:
        live = self._answerer.live
        if live is None:
            raise Unavailable("no model is live", "release a version first")
        ready = {"status": "ready", "model": live.ref.name, "version": live.ref.version, "digest": live.ref.digest}
        return Reply(200, orjson.dumps(ready))

    async def _show_metrics(self, request: Request, request_id: str) -> Reply:
        return await asyncio.to_thread(self._metrics.expose)

    async def _show_openapi(self, request: Request, request_id: str) -> Reply:
        return Reply(200, self._openapi)
