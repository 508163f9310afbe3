"""Whatever is sent, the reply is one that openapi.json documents, and never a 5xx."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from apps.serving.http import Message
from apps.serving.routes import OPENAPI
from tests.unit.apps.serving.fakes import MODEL
from tests.unit.apps.serving.rooms import Room, open_room, open_summaries
from tests.unit.apps.serving.wild_requests import almost, bodies, headers, queries, valid

DOCUMENT: dict[str, Any] = orjson.loads(OPENAPI.read_bytes())
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "trace")


@dataclass
class Service:
    """A classifier's replica and a summarizer's, and the loop that they live on."""

    room: Room
    summaries: Room
    runner: asyncio.Runner

    def send(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> "Answer":
        """What the application answers, as it says it to the server."""
        return self.runner.run(self._send(method, path, query, headers, body))

    async def _send(self, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> "Answer":
        half = len(body) // 2
        pieces = [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:]},
        ]
        said: list[Message] = []

        async def receive() -> Message:
            return pieces.pop(0)

        async def send(message: Message) -> None:
            said.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers, "root_path": ""}
        # As Serve does it: by the prefix of the path.
        room = self.summaries if path == "/v1/summarize" else self.room
        await room.replica.api(scope, receive, send)
        start, end = said
        return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"])


@dataclass(frozen=True)
class Answer:
    """One reply."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with asyncio.Runner() as runner:
        folder: Path = tmp_path_factory.mktemp("contract")
        summaries = runner.run(open_summaries(folder / "summaries", body_limit_bytes=5_000))
        ask = summaries.replica.answer_all
        room = runner.run(open_room(folder, body_limit_bytes=5_000, ask_summarizer=ask, summary_timeout_s=2.0))
        yield Service(room, summaries, runner)
        for opened in (room, summaries):
            runner.run(opened.http.aclose())
            runner.run(opened.replica.stop())


# Batches are answered by an application of their own: see batches/test_batch_api.py.
paths = st.sampled_from(sorted(path for path in DOCUMENT["paths"] if not path.startswith("/v1/batch")))
names = st.just(MODEL) | st.just("1") | st.text(min_size=1, max_size=6).filter(lambda name: "/" not in name)

often = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"


@often
@given(template=paths, model=names, version=names, request=st.tuples(queries, headers, bodies), data=st.data())
def test_only_documented_replies(
    service: Service, template: str, model: str, version: str, request: tuple[bytes, Any, bytes], data: Any
) -> None:
    operations = {name.upper(): operation for name, operation in DOCUMENT["paths"][template].items() if name != "parameters"}
    method = data.draw(st.sampled_from((*operations, *operations, *METHODS)))
    answer = service.send(method, template.replace("{model}", model).replace("{version}", version), *request)
    assert answer.status < 500 or (answer.status == 504 and b"x-request-timeout-ms" in dict(request[1]))
    assert int(answer.headers["content-length"]) == len(answer.body)
    if method not in operations:
        assert answer.status in (400, 405)
        assert answer.status == 400 or answer.headers["allow"] == ", ".join(operations)
        return
    documented = operations[method]["responses"]
    assert str(answer.status) in documented, answer
    require_documented(resolved(documented[str(answer.status)]), answer)


@pytest.mark.parametrize("template", valid)
@often
@given(data=st.data())
def test_what_the_document_allows_is_answered(service: Service, template: str, data: Any) -> None:
    body = orjson.dumps(data.draw(valid[template]))
    answer = service.send("POST", template.replace("{model}", MODEL), b"", [(b"content-type", b"application/json")], body)
    assert answer.status in (200, 202), answer
    require_documented(resolved(DOCUMENT["paths"][template]["post"]["responses"][str(answer.status)]), answer)


@pytest.mark.parametrize("template", valid)
@often
@given(data=st.data(), query=queries, headers=headers)
def test_what_is_almost_allowed_is_answered_or_refused(
    service: Service, template: str, data: Any, query: bytes, headers: Any
) -> None:
    body = json.dumps(data.draw(almost(valid[template]))).encode()
    answer = service.send("POST", template.replace("{model}", MODEL), query, headers, body)
    assert answer.status < 500 or (answer.status == 504 and b"x-request-timeout-ms" in dict(headers))
    require_documented(resolved(DOCUMENT["paths"][template]["post"]["responses"][str(answer.status)]), answer)


@often
@given(path=st.text(max_size=30).map(lambda text: "/" + unquote(quote(text))), method=st.sampled_from(METHODS), headers=headers)
def test_what_is_not_there_is_a_problem_document(service: Service, path: str, method: str, headers: Any) -> None:
    answer = service.send(method, f"/none{path}", b"", headers, b"")
    assert answer.status in (400, 404)
    assert answer.headers["content-type"] == "application/problem+json"
    assert orjson.loads(answer.body)["status"] == answer.status


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node, or what it refers to."""
    if "$ref" not in node:
        return node
    _, *names = node["$ref"].split("/")
    return reduce(lambda found, name: found[name], names, DOCUMENT)


def require_documented(response: dict[str, Any], answer: Answer) -> None:
    """Fail where the reply's type, headers or body are not those of its documentation."""
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in response["content"], answer
    for name, header in response.get("headers", {}).items():
        if name.lower() in answer.headers and "const" in (schema := resolved(header).get("schema", {})):
            assert answer.headers[name.lower()] == schema["const"]
    if media_type.endswith(("/json", "+json")):
        schema = {**response["content"][media_type]["schema"], "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(orjson.loads(answer.body))
