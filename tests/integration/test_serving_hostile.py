"""Whatever comes over the wire gets the right 4xx from the real ingress, and everybody else is served meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest

from libs.common.http_calls import http
from tests.integration.hostile.worker import MESSAGES
from tests.integration.serving_service import Service, running_service, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

BODY = b'{"subject": "Hello", "body": "Lunch?"}'
POST = b"POST /v1/classify HTTP/1.1\r\nHost: serving\r\nContent-Type: application/json\r\n"
LARGE = 50_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("serving"), request_timeout_s=30.0) as service:
        service.clear()
        yield service


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    """After each test the same replicas serve, as before."""
    replicas = running.server_processes()
    yield running
    assert http().post(f"{running.url}/v1/classify", content=BODY).status_code == 200
    assert running.server_processes() == replicas


def status_of(service: Service, sent: bytes) -> int:
    """The status of the reply to raw bytes."""
    with service.dial() as line:
        line.sendall(sent)
        return int(line.makefile("rb").readline().split()[1])


def test_slow_heads_and_slow_bodies_are_hung_up_on_and_hold_nobody_up(service: Service) -> None:
    with ExitStack() as stack:
        heads, bodies = ([stack.enter_context(service.dial()) for _ in range(100)] for _ in range(2))
        for line in (*heads, *bodies):
            line.sendall(POST if line in heads else POST + b"Content-Length: 1000\r\n\r\n{")
            line.setblocking(False)
        replies: dict[socket.socket, bytes] = {}

        def all_hung_up_on() -> bool:
            still_open = [line for line in (*heads, *bodies) if line not in replies]
            replies.update((line, reply) for line in still_open if (reply := dribble(line)) is not None)
            assert http().post(f"{service.url}/v1/classify", content=BODY).status_code == 200
            return len(replies) == len(heads) + len(bodies)

        wait_until(all_hung_up_on, "everybody who dribbles is hung up on")
    for lines in (heads, bodies):
        # Whose last byte came after the door was shut may have missed what was said.
        assert {replies[line][9:12] for line in lines} - {b""} == {b"408"}


def dribble(line: socket.socket) -> bytes | None:
    """One byte more; the reply, empty where the line was cut, or None while it is still open."""
    try:
        line.send(b"x")
        return line.recv(1000)
    except BlockingIOError:
        return None
    except OSError:
        return b""


@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_of_50_mb_are_refused_without_being_kept(service: Service, chunked: bool) -> None:
    processes = [psutil.Process(pid) for pid in service.server_processes()]
    before = sum(process.memory_info().rss for process in processes)

    def body() -> Iterator[bytes]:
        for _ in range(LARGE // 1_000_000):
            yield b" " * 1_000_000

    for _ in range(5):
        length = {} if chunked else {"Content-Length": str(LARGE)}
        reply = http().post(f"{service.url}/v1/classify", content=body(), headers=length, timeout=60)
        assert (reply.status_code, reply.headers["content-type"]) == (413, "application/problem+json")
    grown_mb = (sum(process.memory_info().rss for process in processes) - before) / 1e6
    assert grown_mb < 100, grown_mb


@pytest.mark.parametrize(
    ("head", "allowed"),
    [
        (b"X-Filler: " + b"x" * 100_000 + b"\r\n", {400, 431}),
        (b"".join(b"X-%d: y\r\n" % number for number in range(2_000)), {400, 431}),
        (b"X-Request-Id: \xff\xfe\r\n", {400}),
        (b"X-Request-Id: " + b"x" * 2_000 + b"\r\n", {400}),
        (b"X-Traffic-Key: \xff\xfe\r\n", {200}),
        # Serve's own headers: what they say is not for callers to say.
        (b"X-Request-Timeout-Seconds: 0.0001\r\n", {200}),
        (b"X-Request-Disconnect-Disabled: \xff\r\n", {200}),
        (b"X_Session-Id: \xff\r\nserve-multiplexed_model-id: \xff\r\n", {200}),
        (b"Bad Name: x\r\n", {400}),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", {400}),
        (b"Content-Length: -1\r\n", {400}),
        (b"Content-Length: 99999999999999999999\r\n", {400, 413}),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n", {400}),
    ],
)
def test_heads_that_are_too_large_or_wrong(service: Service, head: bytes, allowed: set[int]) -> None:
    length = b"" if b"Content-Length" in head else b"Content-Length: %d\r\n" % len(BODY)
    assert status_of(service, POST + head + length + b"Connection: close\r\n\r\n" + BODY) in allowed


@pytest.mark.parametrize("line", [b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"])
def test_what_is_no_http_is_a_400(service: Service, line: bytes) -> None:
    assert status_of(service, line) == 400


@pytest.mark.parametrize(
    "content_type", ["image/png", "multipart/form-data; boundary=x", "text/html", "application/xml", "\xff"]
)
def test_wrong_content_types_are_refused(service: Service, content_type: str) -> None:
    headers = {"Content-Type": content_type.encode("latin-1")}
    reply = http().post(f"{service.url}/v1/classify", content=b"\x89PNG\r\n\x1a\n", headers=headers)
    assert reply.status_code in {400, 415}
    assert reply.headers["content-type"] == "application/problem+json"


def test_malformed_messages_are_answered_or_refused_and_never_a_fault_of_ours(service: Service) -> None:
    headers = {"Content-Type": "message/rfc822"}
    with httpx.Client(base_url=service.url, timeout=60) as client:
        statuses = {
            name: client.post("/v1/classify", content=build()[:9_000_000], headers=headers).status_code
            for name, build in MESSAGES.items()
        }
    assert {name: status for name, status in statuses.items() if status not in {200, 400}} == {}
    assert set(statuses.values()) == {200, 400}
