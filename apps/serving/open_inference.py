"""The Open Inference Protocol v2 (REST), as KServe, Triton and MLServer speak it, over the same answers."""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson

from apps.serving.answerer import Answerer
from apps.serving.bodies import json_of
from apps.serving.classification import Classification
from apps.serving.errors import RouteNotFound, headers_of, status_of
from apps.serving.http import Reply, Request
from apps.serving.loading import LoadedModel
from apps.serving.replies import model_headers, versions_of
from apps.serving.router import Routes
from apps.serving.tensors import INPUTS, inference_of, outputs_of, tensors_of
from libs.common.errors import TriageError, Unavailable

PREFIX = "/v2"


class OpenInference:
    """The routes below /v2. Which version answers is the release's to say: a version can be asked about, not asked."""

    def __init__(self, model: str, answerer: Answerer, classification: Classification) -> None:
        self._model = model
        self._answerer = answerer
        self._classification = classification
        self._server = orjson.dumps({"name": "triage", "version": version("triage"), "extensions": []})
        self.routes: Routes = {
            "/v2": {"GET": self._show_server},
            "/v2/health/live": {"GET": self._show_live},
            "/v2/health/ready": {"GET": self._show_ready},
            "/v2/models/{model}": {"GET": self._show_model},
            "/v2/models/{model}/ready": {"GET": self._show_model_ready},
            "/v2/models/{model}/infer": {"POST": self._infer},
            "/v2/models/{model}/versions/{version}": {"GET": self._show_model},
            "/v2/models/{model}/versions/{version}/ready": {"GET": self._show_model_ready},
        }

    async def _show_server(self, request: Request, request_id: str) -> Reply:
        return Reply(200, self._server)

    async def _show_live(self, request: Request, request_id: str) -> Reply:
        return Reply(200, b'{"live":true}')

    async def _show_ready(self, request: Request, request_id: str) -> Reply:
        self._live()
        return Reply(200, b'{"ready":true}')

    async def _show_model(self, request: Request, request_id: str) -> Reply:
        live = self._named(request)
        return _reply(
            {
                "name": self._model,
                "versions": [live.ref.version],
                "platform": f"triage_{live.classifier.family}",
                "inputs": INPUTS,
                "outputs": outputs_of(len(live.labels)),
            }
        )

    async def _show_model_ready(self, request: Request, request_id: str) -> Reply:
        live = self._named(request)
        return _reply({"name": self._model, "version": live.ref.version, "ready": True})

    async def _infer(self, request: Request, request_id: str) -> Reply:
        self._named(request)
        asked = inference_of(json_of(request))
        results = await self._classification.ask_all(request, request_id, asked.emails)
        answer: dict[str, Any] = {
            "model_name": self._model,
            "model_version": versions_of(results),
            "id": asked.id or request_id,
            "outputs": tensors_of(results, asked.outputs),
        }
        return _reply(answer).with_headers(model_headers(results))

    def _live(self) -> LoadedModel:
        if (live := self._answerer.live) is None:
            raise Unavailable("no model is live", "release a version first")
        return live

    def _named(self, request: Request) -> LoadedModel:
        """The live version, where the path names it; RouteNotFound where it names another."""
        named = request.parameters
        if named["model"] != self._model:
            raise RouteNotFound(f"there is no model {named['model'][:80]}", f"the model is {self._model}")
        live = self._live()
        if named.get("version", live.ref.version) != live.ref.version:
            raise RouteNotFound(f"version {named['version'][:80]} is not live", f"version {live.ref.version} is")
        return live


def refusal(error: Exception) -> Reply:
    """``error`` in the protocol's own form."""
    status = status_of(error)
    said = "; ".join(filter(None, (error.message, error.hint))) if isinstance(error, TriageError) else HTTPStatus(status).phrase
    return Reply(status, orjson.dumps({"error": said}), headers=headers_of(error, status))


def _reply(document: dict[str, Any]) -> Reply:
    return Reply(200, orjson.dumps(document))
