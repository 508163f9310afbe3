"""The routes of one model's replicas: a plain ASGI application with a dictionary for a router."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson

from apps.serving.answerer import Answerer, Call
from apps.serving.bodies import emails_of, feedback_of, request_id_of
from apps.serving.errors import BodyTooLarge, BodyTooSlow, MethodNotAllowed, RouteNotFound, problem
from apps.serving.feedback import FeedbackDesk
from apps.serving.http import ClientGone, Receive, Reply, Request, Scope, Send, live_through, read_body, send_reply
from apps.serving.metrics import ServingMetrics
from apps.serving.replies import list_reply, one_reply
from libs.common.errors import TriageError, Unavailable
from libs.common.logs import get_logger, log_context

logger = get_logger("serving.api")
OPENAPI = Path(__file__).with_name("openapi.json")

Route = Callable[[Request, str], Awaitable[Reply]]


class Api:
    """Answers HTTP for one model."""

    def __init__(
        self,
        answerer: Answerer,
        feedback: FeedbackDesk,
        metrics: ServingMetrics,
        body_limit_bytes: int,
        body_timeout_s: float,
    ) -> None:
        self._answerer = answerer
        self._feedback = feedback
        self._metrics = metrics
        self._body_limit_bytes = body_limit_bytes
        self._body_timeout_s = body_timeout_s
        self._openapi = OPENAPI.read_bytes()
        self.routes: dict[str, dict[str, Route]] = {
            "/v1/classify": {"POST": self._classify},
            "/v1/feedback": {"POST": self._take_feedback},
            "/healthz": {"GET": self._show_health},
            "/readyz": {"GET": self._show_readiness},
            "/metrics": {"GET": self._show_metrics},
            "/openapi.json": {"GET": self._show_openapi},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a problem document."""
        if scope["type"] == "lifespan":
            await live_through(receive, send)
            return
        try:
            reply = await self._answer(scope, receive)
        except ClientGone:
            return
        await send_reply(send, reply)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        try:
            request = Request(scope["method"], scope["path"].removeprefix(scope.get("root_path", "")), dict(scope["headers"]))
            route = self._find(request)
            given = request_id_of(request)
            body = await self._read(receive)
            request_id = given or str(uuid.uuid4())
            reply = await route(Request(request.method, request.path, request.headers, body), request_id)
        except TriageError as error:
            return self._refuse(error)
        except ClientGone:
            raise
        except Exception as error:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            return self._refuse(error)
        # Serve's ingress repeats a caller's own id by itself; a second header would make two.
        return reply if given else reply.with_headers([(b"x-request-id", request_id.encode())])

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_timeout_s):
                body = await read_body(receive, self._body_limit_bytes)
        except TimeoutError:
            raise BodyTooSlow(f"the body was not there within {self._body_timeout_s:g} s", "send it at once") from None
        if body is None:
            raise BodyTooLarge(f"the body is longer than {self._body_limit_bytes} bytes", "leave attachments out")
        return body

    def _find(self, request: Request) -> Route:
        methods = self.routes.get(request.path)
        if methods is None:
            raise RouteNotFound(f"there is no {request.path}", f"there are {', '.join(self.routes)}")
        if route := methods.get(request.method):
            return route
        raise MethodNotAllowed(f"{request.path} does not answer {request.method}", f"use {', '.join(methods)}")

    def _refuse(self, error: Exception) -> Reply:
        reply = problem(error)
        self._metrics.refused(reply.status)
        return reply

    async def _classify(self, request: Request, request_id: str) -> Reply:
        emails = emails_of(request)
        key = request.header(b"x-traffic-key")
        with log_context(request_id=request_id):
            if not isinstance(emails, list):
                return one_reply(await self._answerer.classify(Call(request_id, emails, key)))
            calls = [Call(f"{request_id}-{position}", email, key) for position, email in enumerate(emails)]
            results = await asyncio.gather(*map(self._answerer.classify, calls))
        return list_reply(request_id, results)

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
