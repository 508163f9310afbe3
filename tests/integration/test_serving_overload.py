"""Far more requests than there is room for: who is refused learns it at once, who is accepted is answered and recorded."""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from apps.serving.batcher import BatchLimits
from libs.common.http_calls import http
from tests.integration.serving_service import Service, running_service, scripted, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

REPLICAS, BATCH, QUEUE = 2, 4, 8
ROOM = REPLICAS * (BATCH + QUEUE)
CROWD = 200
BODY = {"subject": "Hello", "body": "Lunch? " * 7_000}
VERSIONS = (f"1.{number}.0" for number in itertools.count(1))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    limits = BatchLimits(max_batch_size=BATCH, queue_size=QUEUE)
    with running_service(
        tmp_path_factory.mktemp("serving"), batch=limits, request_timeout_s=60.0, longest_wait_s=0.3
    ) as service:
        yield service


@pytest.fixture
def gate(running: Service, tmp_path: Path) -> Iterator[Path]:
    """While this file is missing the live model computes nothing."""
    gate = tmp_path / "gate"
    running.route_and_wait(stable=scripted(next(VERSIONS), f"gate:{gate}"))
    yield gate
    gate.touch()


@asynccontextmanager
async def crowd_of(service: Service, count: int) -> AsyncIterator[list[asyncio.Task[httpx.Response]]]:
    """``count`` callers at once, each with a connection of its own."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=60) as client:
        yield [asyncio.create_task(client.post("/v1/classify", json=BODY)) for _ in range(count)]


async def refusals(calls: list[asyncio.Task[httpx.Response]], count: int) -> list[httpx.Response]:
    """The replies, once there are ``count``."""
    async with asyncio.timeout(30):
        while len(replies := [call.result() for call in calls if call.done()]) < count:
            await asyncio.sleep(0.02)
    return replies


def waiting(service: Service) -> float:
    """E-mails in the queues of all replicas, as last measured."""
    return told(service.url, "triage_queue_depth{")


def told(address: str, series: str) -> float:
    """The sum of the metrics that begin so."""
    lines = http().get(f"{address}/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(series))


async def test_whom_there_is_no_room_for_is_told_at_once_and_nobody_else_is_lost(running: Service, gate: Path) -> None:
    async with crowd_of(running, CROWD) as calls:
        # While nothing at all is computed: a refusal waits for nobody.
        refused = await refusals(calls, CROWD - ROOM)
        assert {reply.status_code for reply in refused} == {429}
        assert {reply.headers["content-type"] for reply in refused} == {"application/problem+json"}
        assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
        gate.touch()
        replies = await asyncio.gather(*calls)
    accepted = [reply.json()["request_id"] for reply in replies if reply.status_code == 200]
    assert len(accepted) + sum(reply.status_code == 429 for reply in replies) == CROWD
    assert 0 < len(accepted) <= ROOM
    assert len(running.events(set(accepted))) == len(accepted)
    await asyncio.to_thread(wait_until, lambda: waiting(running) == 0, "the queues are empty")
    assert http().post(f"{running.url}/v1/classify", json=BODY).status_code == 200


async def test_refusing_takes_no_memory(running: Service, gate: Path) -> None:
    processes = [psutil.Process(pid) for pid in running.server_processes()]
    used_mb: list[float] = []
    async with crowd_of(running, CROWD) as first:
        await asyncio.to_thread(wait_until, lambda: waiting(running) == REPLICAS * QUEUE, "the queues are full")
        for _ in range(4):
            async with crowd_of(running, CROWD) as calls:
                replies = await asyncio.gather(*calls)
            assert {reply.status_code for reply in replies} == {429}
            used_mb.append(sum(process.memory_info().rss for process in processes) / 1e6)
        gate.touch()
        assert sum(reply.status_code == 200 for reply in await asyncio.gather(*first)) >= REPLICAS * QUEUE
    # A crowd comes with 10 MB. The first one brings the buffers of its connections; the next three leave nothing more.
    assert used_mb[-1] - used_mb[0] < 15, used_mb


async def test_callers_that_leave_free_their_places(running: Service, gate: Path) -> None:
    sent = json.dumps(BODY).encode()
    with ExitStack() as stack:
        for _ in range(CROWD):
            line = stack.enter_context(running.dial())
            line.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: serving\r\nContent-Length: %d\r\n\r\n%b" % (len(sent), sent))
        await asyncio.to_thread(wait_until, lambda: waiting(running) == REPLICAS * QUEUE, "the queues are full")
    await asyncio.to_thread(wait_until, lambda: waiting(running) == 0, "their places are free")
    async with crowd_of(running, QUEUE) as calls:
        await asyncio.to_thread(wait_until, lambda: waiting(running) == QUEUE, "others have taken them")
        gate.touch()
        assert {reply.status_code for reply in await asyncio.gather(*calls)} == {200}


def test_the_ingress_counts_what_is_refused(running: Service) -> None:
    """Again and again, as its counts begin anew where it learns of another replica."""
    ingress = f"http://127.0.0.1:{os.environ['RAY_SERVE_HAPROXY_METRICS_PORT']}"

    def counted() -> bool:
        assert http().post(f"{running.url}/v1/classify", content=b"no e-mail").status_code == 400
        return told(ingress, 'haproxy_frontend_http_responses_total{proxy="http_frontend",code="4xx"}') > 0

    wait_until(counted, "the ingress counts")
