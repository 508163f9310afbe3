"""What each kind of model answers to: the routes of a classifier's replicas, and the one of a summarizer's."""

import asyncio
from pathlib import Path

import orjson

from apps.serving.answerer import Answerer
from apps.serving.bodies import feedback_of
from apps.serving.classification import Classification
from apps.serving.doorman import Doorman
from apps.serving.explaining import Explainer
from apps.serving.feedback import FeedbackDesk
from apps.serving.http import Reply, Request
from apps.serving.idempotency import Idempotency
from apps.serving.metrics import ServingMetrics
from apps.serving.neighbour import Neighbour
from apps.serving.open_inference import OpenInference
from apps.serving.router import Routes
from apps.serving.settings import ReplicaSettings
from apps.serving.summarization import Summarization
from apps.serving.triaging import Triaging
from libs.common.errors import Unavailable

OPENAPI = Path(__file__).with_name("openapi.json")
SUMMARIZE, TRIAGE = "/v1/summarize", "/v1/triage"


def summarizer_routes(answerer: Answerer, idempotency: Idempotency, doorman: Doorman | None) -> Routes:
    """What a summarizer's replicas answer: Serve sends them this path, and the rest to the classifier's."""
    return {SUMMARIZE: {"POST": idempotency.once(Summarization(answerer, doorman).summarize)}}


class ClassifierRoutes:
    """The whole surface, as a classifier's replicas answer it; ``doorman`` is None where no keys are required."""

    def __init__(
        self,
        settings: ReplicaSettings,
        answerer: Answerer,
        summarizer: Neighbour,
        feedback: FeedbackDesk,
        metrics: ServingMetrics,
        idempotency: Idempotency,
        doorman: Doorman | None,
    ) -> None:
        self._answerer = answerer
        self._feedback = feedback
        self._metrics = metrics
        self._openapi = OPENAPI.read_bytes()
        explainer = Explainer(settings.http.explanations)
        classification = Classification(answerer, explainer, settings.request_timeout_s, doorman)
        triaging = Triaging(answerer, summarizer, doorman)
        self.routes: Routes = {
            "/v1/classify": {"POST": idempotency.once(classification.classify)},
            SUMMARIZE: {"POST": triaging.refuse_summaries},
            TRIAGE: {"POST": idempotency.once(triaging.triage)},
            "/v1/feedback": {"POST": self._take_feedback},
            "/healthz": {"GET": self._show_health},
            "/readyz": {"GET": self._show_readiness},
            "/metrics": {"GET": self._show_metrics},
            "/openapi.json": {"GET": self._show_openapi},
            **OpenInference(settings.model, answerer, classification).routes,
        }

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
        ready: dict[str, object] = {
            "status": "ready",
            "model": live.ref.name,
            "version": live.ref.version,
            "digest": live.ref.digest,
        }
        if degraded := self._answerer.degraded:
            ready["degraded"] = [f"{what} are lost: the disk is full" for what in degraded]
        return Reply(200, orjson.dumps(ready))

    async def _show_metrics(self, request: Request, request_id: str) -> Reply:
        return await asyncio.to_thread(self._metrics.expose)

    async def _show_openapi(self, request: Request, request_id: str) -> Reply:
        return Reply(200, self._openapi)
