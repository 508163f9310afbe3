"""The HTTP surface through the real ingress: one request id, problem documents, counters of all replicas, loopback only."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from apps.serving.deploy import deploy_server, slot_ready
from bench.contract import NO_SUMMARIZER, generated_calls
from libs.common.domain.audit import Role
from libs.common.errors import ModelError
from libs.common.http_calls import http
from tests.integration.nginx_front import nginx_front
from tests.integration.serving_service import (
    MODEL,
    Service,
    deploy_unready,
    running_service,
    scripted,
    wait_until,
)

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

BODY = {"subject": "Hello", "body": "Lunch?"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving")) as running:
        yield running


def test_a_server_without_a_model_becomes_ready_when_one_is_live(service: Service) -> None:
    reply = http().get(f"{service.url}/readyz")
    assert (reply.status_code, reply.json()["detail"]) == (503, "no model is live")
    assert http().post(f"{service.url}/v1/classify", json=BODY).headers["retry-after"]
    service.clear()
    assert http().get(f"{service.url}/readyz").json()["version"] == "1.0.0"


def test_a_request_has_exactly_one_id(service: Service) -> None:
    service.clear()
    made = http().post(f"{service.url}/v1/classify", json=BODY)
    given = http().post(f"{service.url}/v1/classify", json=BODY, headers={"X-Request-Id": "mine-1"})
    assert made.headers.get_list("x-request-id") == [made.json()["request_id"]]
    assert given.headers.get_list("x-request-id") == [given.json()["request_id"]] == ["mine-1"]


def test_faults_reach_the_caller_as_problem_documents(service: Service) -> None:
    replies = {
        413: http().post(f"{service.url}/v1/classify", content=b"x" * 10_000_001),
        400: http().post(f"{service.url}/v1/classify", content=b"{no"),
        404: http().get(f"{service.url}/v3"),
        405: http().get(f"{service.url}/v1/feedback"),
    }
    for status, reply in replies.items():
        assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")


def test_feedback_is_kept_in_the_records(service: Service) -> None:
    service.clear()
    token = service.records.principals.add("ann", Role.ENGINEER)
    answer = http().post(f"{service.url}/v1/classify", json=BODY).json()
    said = {"request_id": answer["request_id"], "label": "work"}
    replies = [
        http().post(f"{service.url}/v1/feedback", json=said, headers={"Authorization": f"Bearer {token}"}) for _ in range(2)
    ]
    assert [(reply.status_code, reply.json()["new"]) for reply in replies] == [(202, True), (202, False)]
    (event,) = service.events({answer["request_id"]})
    assert event.label == "spam"


def test_any_replica_shows_the_counters_of_all(service: Service) -> None:
    service.clear()
    before = counted(service)
    for _ in range(40):
        http().post(f"{service.url}/v1/classify", json=BODY)
    assert [counted(service) - before for _ in range(6)] == [40] * 6


def counted(service: Service, series: str = "triage_requests_total{") -> float:
    lines = http().get(f"{service.url}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


def test_the_email_of_a_caller_who_hangs_up_never_reaches_the_engine(service: Service) -> None:
    service.route_and_wait(stable=scripted("5.0.0", "hangs"))
    batches = counted(service, "triage_batch_size_count")
    with ThreadPoolExecutor(8) as callers:
        busy = [callers.submit(httpx.post, f"{service.url}/v1/classify", json=BODY, timeout=10) for _ in range(8)]
        # Each of the two engines has a batch for three seconds; what comes now waits.
        wait_until(lambda: counted(service, "triage_batch_size_count") >= batches + 2, "both engines work")
        computed = counted(service, "triage_batch_size_sum")
        for line in [hang_up_line(service) for _ in range(6)]:
            line.close()
        wait_until(lambda: counted(service, 'triage_serving_faults_total{kind="client_gone"') >= 6, "the callers are gone")
        statuses = [call.result().status_code for call in busy]
    assert set(statuses) == {504}
    wait_until(lambda: counted(service, "triage_queue_depth{") == 0, "the queues are empty")
    assert counted(service, "triage_batch_size_sum") == computed
    service.clear()


def hang_up_line(service: Service) -> socket.socket:
    """A connection on which a whole request was sent and no reply was read."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    line = socket.create_connection((host, int(port)))
    body = json.dumps(BODY).encode()
    line.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    return line


def test_nothing_of_http_listens_beyond_loopback(service: Service) -> None:
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout
    haproxy = [line.split()[3] for line in listening.splitlines() if "haproxy" in line and service.owns(line)]
    assert len(haproxy) == 3
    assert all(address.startswith("127.0.0.1:") for address in haproxy)


def test_deploying_a_running_server_again_touches_nothing(service: Service) -> None:
    before = service.server_processes()
    assert not deploy_server(service.serving, service.settings)
    assert service.server_processes() == before


def test_a_slot_that_cannot_load_says_why(service: Service) -> None:
    missing = scripted("9.0.0", "nowhere")
    deploy_unready(service, missing)
    with pytest.raises(ModelError, match=r"email_classifier/9\.0\.0 cannot be served: .*nowhere"):
        wait_until(lambda: slot_ready(MODEL, missing), "the slot fails")


def test_generated_calls_find_only_what_the_document_says(service: Service, tmp_path: Path) -> None:
    service.clear()
    alone = f"{NO_SUMMARIZER}|^/v1/batch"
    report = generated_calls(service.url, calls=8, seed=0, report=tmp_path / "report.json", left_out=alone)
    assert report["failures"] == []
    assert report["operations"]["tested"] == report["operations"]["selected"] > 10


def test_the_front_door_explains_what_is_missing(service: Service) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-m", "apps.serving.app"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "triage up" in done.stderr


def test_through_nginx_the_service_answers_as_it_does_itself(service: Service, tmp_path: Path) -> None:
    service.clear()
    with (
        nginx_front(tmp_path / "nginx", service.url.removeprefix("http://")) as front,
        httpx.Client(base_url=front.url) as client,
    ):
        made = client.post("/v1/classify", json=BODY)
        given = client.post("/v1/classify", json=BODY, headers={"X-Request-Id": "mine-2"})
        assert (made.status_code, made.headers["x-model-version"], made.json()["label"]) == (200, "1.0.0", "spam")
        assert made.headers.get_list("x-request-id") == [made.json()["request_id"]]
        assert given.headers.get_list("x-request-id") == [given.json()["request_id"]] == ["mine-2"]
        refused = client.post("/v1/classify", json=BODY, headers={"X-Request-Id": "no id"})
        assert (refused.status_code, refused.json()["type"]) == (400, "urn:triage:problem:bad-request")
        assert client.get("/readyz").json()["version"] == "1.0.0"
        assert (client.get("/metrics").status_code, http().get(f"{service.url}/metrics").status_code) == (404, 200)
