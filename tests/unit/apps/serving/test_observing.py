"""Single requests, as operators see them: off by default, figures only, and spans below the caller's own."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.serving.sampler import is_sampled
from apps.serving.settings import Observation
from libs.common.config.loader import load_config
from libs.common.logs import JsonFormatter
from tests.unit.apps.serving.fakes import MODEL
from tests.unit.apps.serving.rooms import BODY

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}


class Collector(HTTPServer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.bodies: list[bytes] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    @property
    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [span for each in requests for of in each.resource_spans for scope in of.scope_spans for span in scope.spans]


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == "application/x-protobuf"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def lines() -> Iterator[list[dict[str, str]]]:
    """What the access log says meanwhile, as a process writes it."""
    said: list[dict[str, str]] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(json.loads(JsonFormatter().format(record)))

    logger, keeping = logging.getLogger("triage.serving.access"), Keeping()
    logger.addHandler(keeping)
    logger.setLevel(logging.INFO)
    yield said
    logger.removeHandler(keeping)
    logger.setLevel(logging.NOTSET)


async def test_a_line_of_the_access_log_holds_figures_only(opened: Callable[..., Any]) -> None:
    room = await opened(observation=Observation(1.0, "", 0.0))
    with lines() as said:
        await room.http.post("/v1/classify?explain=secret", json=BODY, headers={"X-Request-Id": "r1"})
        await room.http.get(f"/v2/models/{MODEL}/ready")
        await room.http.request("SECRET", "/secret", headers={"X-Request-Id": "secret secret"})
    first, second, third = said
    assert set(first) == {
        "at", "level", "logger", "message", "request_id", "model", "version", "method", "route", "status", "duration_ms",
        "reply_bytes",
    }  # fmt: skip
    assert (first["request_id"], first["method"], first["route"], first["status"]) == ("r1", "POST", "/v1/classify", "400")
    assert (second["route"], second["status"]) == ("/v2/models/{model}/ready", "200")
    assert (third["request_id"], third["method"], third["route"], third["status"]) == ("", "_OTHER", "", "400")
    assert "secret" not in json.dumps(said).lower()


async def test_the_configured_share_is_logged_the_same_requests_as_are_sampled(opened: Callable[..., Any]) -> None:
    room = await opened(observation=Observation(0.3, "", 0.0))
    with lines() as said:
        for number in range(20):
            await room.http.get("/healthz", headers={"X-Request-Id": f"r{number}"})
    assert [line["request_id"] for line in said] == [f"r{number}" for number in range(20) if is_sampled(f"r{number}", 0.3)]


async def test_a_request_is_a_server_span_below_its_callers_with_its_waiting_and_computing(
    opened: Callable[..., Any], collector: Collector
) -> None:
    room = await opened(observation=Observation(0.0, collector.url, 0.0))
    await room.http.post("/v1/classify", json=BODY, headers=SAMPLED | {"X-Request-Id": "r1"})
    await room.http.post("/v1/classify", json={"emails": [BODY, BODY]}, headers=SAMPLED)
    await room.http.post("/v1/classify", json=BODY, headers=NOT_SAMPLED)
    await room.http.post("/v1/classify", json=BODY)
    await room.replica.stop()
    servers = [span for span in collector.spans if span.kind == 2]
    assert [span.name for span in servers] == ["POST /v1/classify"] * 2, "the others are not sampled"
    assert {(span.trace_id.hex(), span.parent_span_id.hex(), span.trace_state) for span in servers} == {
        (TRACE, CALLER, "vendor=1")
    }
    for server, emails in zip(servers, (1, 2), strict=True):
        inside = [span for span in collector.spans if span.parent_span_id == server.span_id]
        assert sorted(span.name for span in inside) == ["predict"] * emails + ["queue"] * emails
        for span in inside:
            assert server.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.end_time_unix_nano <= server.end_time_unix_nano
    facts = {each.key: each.value.string_value or each.value.int_value for each in servers[0].attributes}
    assert facts == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/classify",
        "triage.request_id": "r1",
    }
    assert b"Lunch" not in b"".join(collector.bodies)


async def test_a_collector_that_refuses_costs_its_spans_and_no_request(
    opened: Callable[..., Any], collector: Collector
) -> None:
    collector.status = 500
    room = await opened(observation=Observation(0.0, collector.url, 1.0))
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    await room.replica.stop()
    assert room.metrics.faults["trace"] == 1


def test_both_are_off_by_default_and_cost_no_import(repo: Path) -> None:
    assert Observation.under(load_config("production").monitoring.request_observation) is None
    ask = "import sys, apps.serving.replica; sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", ask], cwd=repo).returncode == 0
