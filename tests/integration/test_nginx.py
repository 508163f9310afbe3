"""The nginx configuration under real traffic, before small services: limits, retries, ids, problem documents, reloads."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from apps.serving.errors import RETRY_AFTER_S
from apps.serving.ingress import free_ports
from libs.common.config.loader import load_config
from libs.common.http_calls import http
from tests.integration.nginx_front import (
    CONFIGURATION,
    Front,
    Upstream,
    command,
    dying_upstream,
    lay_out,
    nginx_front,
    running_upstream,
)
from tests.integration.serving_service import wait_until

CLASSIFY, FEEDBACK = "/v1/classify", "/v1/feedback"
CUT_WITHIN_S = 30.0


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running_upstream() as running:
        yield running


@pytest.fixture
def front(upstream: Upstream, tmp_path: Path) -> Iterator[Front]:
    with nginx_front(tmp_path / "nginx", upstream.at) as running:
        yield running


def require_problem(reply: httpx.Response, status: int) -> None:
    """A problem document of nginx's own."""
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    said = reply.json()
    assert (said["status"], said["title"]) == (status, HTTPStatus(status).phrase)
    assert reply.headers["x-request-id"]
    assert ("retry-after" in reply.headers) == (status in (429, 502, 503, 504))
    assert reply.headers["server"] == "nginx"


def test_the_configuration_is_one_that_nginx_takes(tmp_path: Path) -> None:
    configuration = lay_out(tmp_path, free_ports(1)[0], ())
    shutil.copy(CONFIGURATION / "upstream.conf", configuration.with_name("upstream.conf"))
    done = subprocess.run([*command(tmp_path, configuration), "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_connections_to_the_service_are_kept(front: Front, upstream: Upstream) -> None:
    with httpx.Client(base_url=front.url) as client:
        replies = [client.post(CLASSIFY, json={"subject": str(number)}) for number in range(20)]
    assert {reply.status_code for reply in replies} == {200}
    assert len(upstream.requests) == 20
    assert len({request["client"] for request in upstream.requests}) == 1


def test_an_id_is_passed_on_or_made(front: Front, upstream: Upstream) -> None:
    given = http().post(front.url + CLASSIFY, json={}, headers={"X-Request-Id": "mine-1"})
    made = http().post(front.url + CLASSIFY, json={})
    seen = [request["headers"]["x-request-id"] for request in upstream.requests]
    assert seen == [given.headers["x-request-id"], made.headers["x-request-id"]] == ["mine-1", seen[1]]
    assert len(seen[1]) == 32


def test_a_body_is_limited_as_the_replica_limits_it(front: Front, upstream: Upstream) -> None:
    limit = load_config("production").model_serving.replica.body_limit
    assert http().post(front.url + CLASSIFY, content=b"x" * limit).status_code == 200
    require_problem(http().post(front.url + CLASSIFY, content=b"x" * (limit + 1)), 413)
    assert [len(request["body"]) for request in upstream.requests] == [limit]


def test_a_batch_may_be_as_long_as_the_configuration_says(front: Front, upstream: Upstream) -> None:
    limits = load_config("production").model_serving
    found = re.search(r"client_max_body_size (\d+);  # model_serving.batches", (CONFIGURATION / "nginx.conf").read_text())
    assert found and int(found[1]) == limits.batches.upload_limit
    assert http().post(f"{front.url}/v1/batch", content=b"x" * (limits.replica.body_limit + 1)).status_code == 200


def test_only_what_callers_need_is_reached(front: Front, upstream: Upstream) -> None:
    for path in ("/metrics", "/monitoring/v1/status", "/training/v1/trainings", "/"):
        require_problem(http().get(front.url + path), 404)
    assert upstream.requests == []
    for path in ("/healthz", "/readyz", "/openapi.json", "/v1/batch/1", "/v2/health/live"):
        assert http().get(front.url + path).status_code == 200


def test_headers_are_limited(front: Front) -> None:
    require_problem(http().post(front.url + CLASSIFY, json={}, headers={"X-Long": "x" * 9000}), 431)


@pytest.mark.parametrize("begun", [b"POST /v1/classify HTTP/1.1\r\nHost: a\r\n", None], ids=["headers", "body"])
def test_who_sends_too_slowly_is_cut_off_and_the_service_never_hears_of_it(
    front: Front, upstream: Upstream, begun: bytes | None
) -> None:
    begun = begun or b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    with socket.create_connection(front.address, timeout=CUT_WITHIN_S) as slow:
        slow.sendall(begun)
        # Until nginx hangs up; a TimeoutError if it never does.
        with suppress(ConnectionResetError):
            assert slow.recv(4096) == b""
    assert upstream.requests == []
    assert http().get(f"{front.url}/healthz").status_code == 200


async def test_connections_of_one_address_are_limited(front: Front, upstream: Upstream) -> None:
    upstream.gate.clear()
    head = b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    streams = [await asyncio.open_connection(*front.address) for _ in range(256)]
    for _, writer in streams:
        writer.write(head)
    await asyncio.to_thread(wait_until, lambda: len(upstream.requests) == 256, "256 requests are out")
    async with httpx.AsyncClient() as client:
        require_problem(await client.post(front.url + CLASSIFY, json={}), 429)
    upstream.gate.set()
    answers = await asyncio.gather(*(reader.readline() for reader, _ in streams))
    assert set(answers) == {b"HTTP/1.1 200 OK\r\n"}
    for _, writer in streams:
        writer.close()


def test_requests_of_one_address_are_limited_and_told_when_to_come_again(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    with nginx_front(tmp_path / "nginx", nobody) as front, socket.create_connection(front.address, timeout=60) as fast:
        sent = 5000
        fast.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * (sent - 1))
        fast.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: fast.recv(65536), b""))
    found = Counter(re.findall(rb"HTTP/1.1 (\d+) ", answers))
    assert found.keys() == {b"502", b"429"}
    assert found.total() == sent
    assert answers.count(b"Retry-After: 1\r\n") == found[b"429"]


def test_what_the_service_refuses_reaches_the_caller_as_it_is_and_once(front: Front, upstream: Upstream) -> None:
    for status in (400, 429, 503, 504):
        upstream.status, upstream.headers = status, [(b"retry-after", b"7")]
        reply = http().get(f"{front.url}/readyz")
        assert (reply.status_code, reply.text, reply.headers["retry-after"]) == (status, "{}", "7")
    assert len(upstream.requests) == 4


def test_a_node_that_is_not_there_costs_no_request(upstream: Upstream, tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]} max_fails=0"
    with nginx_front(tmp_path / "nginx", nobody, f"{upstream.at} backup") as front:
        assert http().post(front.url + CLASSIFY, json={}).status_code == 200
        assert http().post(front.url + FEEDBACK, json={}).status_code == 200
        assert http().get(f"{front.url}/readyz").status_code == 200
    assert [request["path"] for request in upstream.requests] == [CLASSIFY, FEEDBACK, "/readyz"]


def test_what_was_sent_to_a_node_that_died_is_repeated_only_where_that_is_safe(upstream: Upstream, tmp_path: Path) -> None:
    with (
        dying_upstream() as (dying, taken),
        nginx_front(tmp_path / "nginx", f"{dying} max_fails=0", f"{upstream.at} backup") as front,
    ):
        assert http().get(f"{front.url}/readyz").status_code == 200
        require_problem(http().post(front.url + FEEDBACK, json={}), 502)
        require_problem(http().post(front.url + CLASSIFY, json={}), 502)
    assert [line.split()[1] for line in taken] == [b"/readyz", FEEDBACK.encode(), CLASSIFY.encode()]
    assert [request["path"] for request in upstream.requests] == ["/readyz"]


def test_a_service_that_never_answers_is_a_504(front: Front, upstream: Upstream) -> None:
    upstream.gate.clear()
    require_problem(http().post(front.url + CLASSIFY, json={}, timeout=CUT_WITHIN_S), 504)
    assert len(upstream.requests) == 1


async def test_a_reload_under_load_fails_no_request(front: Front, upstream: Upstream) -> None:
    statuses: Counter[int] = Counter()
    ended = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not ended.is_set():
            statuses[(await client.post(CLASSIFY, json={"subject": "Hello"})).status_code] += 1

    async def answered(total: int) -> None:
        await asyncio.to_thread(wait_until, lambda: statuses.total() >= total, f"{total} answers")

    # New connections throughout: on a kept one a client may always meet a server that is just closing it.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=front.url, limits=limits, timeout=CUT_WITHIN_S) as client:
        asking = [asyncio.create_task(ask(client)) for _ in range(4)]
        for reloads in range(1, 4):
            await answered(40 * reloads)
            upstream.gate.clear()
            await asyncio.to_thread(wait_until, lambda: len(upstream.requests) == statuses.total() + 4, "all four are out")
            await asyncio.to_thread(front.reload)
            upstream.gate.set()
        await answered(160)
        ended.set()
        await asyncio.gather(*asking)
    assert statuses.keys() == {200}


def test_the_log_holds_numbers_and_ids_and_nothing_that_a_caller_wrote(front: Front) -> None:
    headers = {"X-Request-Id": "secret with blanks", "User-Agent": "secret", "Referer": "secret", "Cookie": "secret"}
    http().post(f"{front.url}{CLASSIFY}?secret=1", json={"subject": "secret"}, headers=headers)
    http().get(f"{front.url}/secret")
    http().post(front.url + CLASSIFY, json={}, headers={"X-Request-Id": "mine-1"})
    log = front.home / "logs" / "access.log"
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 3, "three requests are logged")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = {line["request_id"]: (line["route"], line["status"]) for line in lines}  # workers write in any order
    assert (told.pop("invalid"), told.pop("mine-1")) == ((CLASSIFY, 200), (CLASSIFY, 200))
    assert list(told.values()) == [("other", 404)]
    assert "secret" not in log.read_text() + (front.home / "logs" / "error.log").read_text()


def test_nginx_and_the_service_ask_for_the_same_patience() -> None:
    said = (CONFIGURATION / "problems.conf").read_text()
    assert f"429     {RETRY_AFTER_S[429]};" in said
    assert f"~^50[234]$ {RETRY_AFTER_S[503]};" in said
