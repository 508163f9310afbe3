"""The HTTP surface of one model's replicas: a plain ASGI application (ADR 17)."""

import asyncio
import time
import uuid

from apps.serving.cors import cors_headers, preflight
from apps.serving.doorman import Doorman
from apps.serving.errors import BodyTooLarge, BodyTooSlow, problem
from apps.serving.heads import is_id, require_id, require_small_head
from apps.serving.http import ClientGone, Receive, Reply, Request, Scope, Send, header_in, live_through, read_body, send_reply
from apps.serving.metrics import ServingMetrics
from apps.serving.observing import Observer, Seen
from apps.serving.open_inference import PREFIX, refusal
from apps.serving.router import Router, Routes
from apps.serving.settings import ReplicaSettings
from libs.common.errors import TriageError
from libs.common.logs import get_logger

logger = get_logger("serving.api")


class Api:
    """Answers HTTP by the ``routes`` of one model; ``doorman`` is None where no keys are required.

    Serve cancels the call of a caller who hangs up, and with it whatever of the request has not reached the engine.
    """

    def __init__(
        self,
        routes: Routes,
        metrics: ServingMetrics,
        settings: ReplicaSettings,
        doorman: Doorman | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.routes = routes
        self._router = Router(routes)
        self._metrics = metrics
        self._doorman = doorman
        self._observer = observer
        self._body_limit_bytes = settings.body_limit_bytes
        self._body_timeout_s = settings.body_timeout_s
        self._http = settings.http
        self._origins = {origin.encode() for origin in settings.http.allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a problem document."""
        if scope["type"] == "lifespan":
            await live_through(receive, send)
            return
        given = header_in(scope["headers"], b"x-request-id").decode("latin-1")
        request_id = given or str(uuid.uuid4())
        timeline = self._observer.begin() if self._observer else None
        try:
            reply = await self._answer(scope, receive, request_id)
        except ClientGone:
            self._metrics.fault("client_gone")
            return
        except asyncio.CancelledError:
            self._metrics.fault("client_gone")
            raise
        if self._observer and timeline:
            self._observer.end(timeline, self._seen(scope, request_id), reply)
        if not given:
            # Serve's ingress repeats a caller's own id by itself; a second header would make two.
            reply = reply.with_headers([(b"x-request-id", request_id.encode())])
        if self._origins:
            reply = reply.with_headers(cors_headers(header_in(scope["headers"], b"origin"), self._origins))
        await send_reply(send, reply)

    def _seen(self, scope: Scope, request_id: str) -> Seen:
        shown = request_id if is_id(request_id) else ""
        return Seen(shown, scope["method"], self._router.template_of(scope["path"]), scope["headers"])

    async def _answer(self, scope: Scope, receive: Receive, request_id: str) -> Reply:
        path = scope["path"]
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
