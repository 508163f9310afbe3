"""The demo's own calls, against an HTTP server that answers as told: who asks, what is repeated, and what an error says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest

from apps.console.demo.context import Demo
from apps.console.demo.service_calls import await_batch, explained, order_batch, result_of
from libs.common.config.home import Home
from libs.common.domain.triage import Email
from libs.common.errors import TriageError

BATCH = {
    "id": "b1",
    "owner": "erin",
    "order": {"source": "file:///mail.jsonl"},
    "created_at": "2026-01-01T00:00:00Z",
    "attempted_at": "2026-01-01T00:00:00Z",
}


@dataclass
class Service:
    """What each path is answered, the last answer over and over; and what was asked."""

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict[str, list[tuple[int, Any]]])
    asked: list[tuple[str, str, bytes]] = field(default_factory=list[tuple[str, str, bytes]])

    def answer(self, path: str, token: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append((path, token, body))
        answers = self.answers[path]
        status, said = answers.pop(0) if len(answers) > 1 else answers[0]
        return status, said if isinstance(said, bytes) else json.dumps(said).encode()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def demo(service: Service, tmp_path: Path) -> Iterator[Demo]:
    class Handler(BaseHTTPRequestHandler):
        """Hands every request to the service."""

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            status, said = service.answer(self.path, self.headers["authorization"] or "", body)
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    told = Demo(Home(tmp_path), "synthetic://", None, cast(Any, None), tell=lambda text: None)
    told.url, told.tokens = f"http://127.0.0.1:{server.server_port}", {"erin": "secret"}
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_explanation_is_asked_for_without_a_token(demo: Demo, service: Service) -> None:
    service.answers["/v1/classify?explain=true"] = [(200, {"label": "hr"})]
    assert explained(demo, Email("", "a@b.c", "hello", "you")) == {"label": "hr"}
    ((_, token, body),) = service.asked
    assert (token, json.loads(body)["subject"]) == ("", "hello")


def test_an_order_is_repeated_while_no_job_is_taken(demo: Demo, service: Service) -> None:
    service.answers["/v1/batch?version=live"] = [(503, {}), (202, BATCH)]
    assert order_batch(demo, b"lines", "erin").id == "b1"
    assert service.asked == [("/v1/batch?version=live", "Bearer secret", b"lines")] * 2


def test_a_batch_is_waited_for_and_its_parts_are_put_together(demo: Demo, service: Service) -> None:
    service.answers |= {
        "/v1/batch/b1": [(200, BATCH | {"state": "running"}), (200, BATCH | {"state": "succeeded", "version": "2"})],
        "/v1/batch/b1/result": [(200, {"quarantined": 3, "parts": [{"part": 0}, {"part": 1}]})],
        "/v1/batch/b1/result/0?form=jsonl": [(200, b"one\n")],
        "/v1/batch/b1/result/1?form=jsonl": [(200, b"two\n")],
    }
    assert await_batch(demo, "b1", "erin", 5).version == "2"
    assert result_of(demo, "b1", "erin") == (3, b"one\ntwo\n")
    assert {token for _, token, _ in service.asked} == {"Bearer secret"}


def test_a_batch_that_failed_says_why(demo: Demo, service: Service) -> None:
    service.answers["/v1/batch/b1"] = [(200, BATCH | {"state": "failed", "message": "no version is live"})]
    with pytest.raises(TriageError, match="batch b1 failed: no version is live"):
        await_batch(demo, "b1", "erin", 5)


def test_an_error_is_told_with_what_was_asked(demo: Demo, service: Service) -> None:
    service.answers["/v1/batch?version=live"] = [(403, {"detail": "a viewer may only look"})]
    with pytest.raises(TriageError, match=r"POST /v1/batch is answered 403: .*a viewer may only look"):
        order_batch(demo, b"lines", "erin")
