import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.load.open_loop import OpenRun, load

ANSWER = b'{"label":"spam","escalation":"done"}'


@asynccontextmanager
async def service(reply: bytes, gate: asyncio.Event) -> AsyncIterator[str]:
    """An HTTP service that answers ``reply`` to everything, as soon as the gate is open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            await gate.wait()
            writer.write(reply)

    async def tolerate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()

    server = await asyncio.start_server(tolerate, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/classify"
    async with server:
        yield url


def response(status: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(ANSWER)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + ANSWER


@pytest.fixture
def bodies(tmp_path: Path) -> Path:
    path = tmp_path / "bodies.jsonl"
    path.write_bytes(b'{"subject": "a"}\n{"subject": "b", "body": "c"}\n')
    return path


async def test_every_request_that_was_due_is_counted_with_its_answer(bodies: Path) -> None:
    gate = asyncio.Event()
    gate.set()
    async with service(response("200 OK"), gate) as url:
        run = await load(url, rate=200, seconds=0.2, bodies=bodies, connections=8)
    assert (run.sent, run.accepted, run.refused) == (40, 40, 0)
    assert run.escalations == {"done": 40}
    assert sorted(run.due_s) == pytest.approx([number / 200 for number in range(40)], abs=1e-3)


async def test_a_stall_is_charged_to_every_request_that_was_due_meanwhile(bodies: Path) -> None:
    """One connection to a service that stands still: who waits for each answer would have seen one slow request."""
    gate = asyncio.Event()
    async with service(response("200 OK"), gate) as url:
        loading = asyncio.create_task(load(url, rate=100, seconds=0.5, bodies=bodies, connections=1))
        await asyncio.sleep(0.6)
        gate.set()
        run = await loading
    assert run.accepted == 50
    by_due = sorted(zip(run.due_s, run.took_ms, strict=True))
    assert all(due * 1000 + took >= 590 for due, took in by_due), "each waited until the gate was opened"


async def test_refusals_are_told_from_answers_and_by_their_retry_after(bodies: Path) -> None:
    gate = asyncio.Event()
    gate.set()
    async with service(response("429 Too Many Requests", "Retry-After: 1"), gate) as url:
        run = await load(url, rate=100, seconds=0.1, bodies=bodies, connections=4)
    assert (run.accepted, run.refused, run.retry_after) == (0, 10, 10)
    assert run.percentile_ms(95) == float("inf")


async def test_a_service_that_is_not_there_is_no_answer(bodies: Path, unused_tcp_port: int) -> None:
    run = await load(f"http://127.0.0.1:{unused_tcp_port}/", rate=100, seconds=0.1, bodies=bodies, connections=4)
    assert run.status == [0] * 10


def test_latency_is_of_what_was_accepted() -> None:
    run = OpenRun(1.0, due_s=[0, 0.1, 0.2], took_ms=[10, 1, 30], status=[200, 429, 200])
    assert run.percentile_ms(50) == 20


def test_what_failed_is_told_by_its_status_and_when_it_was_due() -> None:
    run = OpenRun(1.0, due_s=[0, 0.5, 0.1, 0.25], took_ms=[10, 1, 1, 30], status=[200, 429, 429, 0])
    assert run.failures() == "1 × 0 due 0.25–0.25 s; 2 × 429 due 0.10–0.50 s"
    assert not OpenRun(1.0, due_s=[0], took_ms=[1], status=[200]).failures()
