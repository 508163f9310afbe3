"""Open-loop load: requests at a constant rate, whether or not earlier ones are answered, each timed from when it was due.

    python -m bench.load.open_loop --url URL --rate 500 --seconds 10 --bodies FILE    # one JSON object on stdout

A request that waits for a free connection, or for this process, waits on the service's account: nothing is left out that a
steady stream of callers would have seen. The process asks for a little more than the usual share of CPU, so as to be on time.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import SplitResult, urlsplit

import httptools
import numpy as np

from bench.recording import REPO

CONNECTIONS = 4096
_NICENESS = -5
PATIENCE_S = 10.0
_NO_ANSWER = 0
_MARK = b'"escalation":"'


@dataclass(slots=True)
class OpenRun:
    """What was found of each request, in the order of the answers: when it was due (s), what it took (ms), its status.

    Status 0 is no answer at all. ``retry_after`` counts the refusals that say when to come again; ``escalations`` the values
    of that field in the answers. In 99 of 100 cases this process came to a request at most ``late_ms`` after it was due.
    """

    seconds: float
    due_s: list[float] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    escalations: dict[str, int] = field(default_factory=dict)
    retry_after: int = 0
    late_ms: float = 0.0
    own_cpu: float = 0.0

    @property
    def sent(self) -> int:
        """How many requests were due."""
        return len(self.status)

    @property
    def accepted(self) -> int:
        """How many were answered with 200."""
        return self.status.count(200)

    @property
    def refused(self) -> int:
        """How many were turned away with 429 or 503."""
        return self.status.count(429) + self.status.count(503)

    def failures(self) -> str:
        """What was not answered with 200: how many of each status, and between which seconds of the run they were due."""
        due: dict[int, list[float]] = {}
        for at, status in zip(self.due_s, self.status, strict=True):
            if status != 200:
                due.setdefault(status, []).append(at)
        return "; ".join(f"{len(ats)} × {status} due {min(ats):.2f}–{max(ats):.2f} s" for status, ats in sorted(due.items()))

    def percentile_ms(self, percent: float) -> float:
        """Latency of what was accepted; endless where nothing was."""
        taken = [took for took, status in zip(self.took_ms, self.status, strict=True) if status == 200]
        return float(np.percentile(taken, percent)) if taken else float("inf")


def run_open(url: str, rate: float, seconds: float, bodies: Path, patience_s: float = PATIENCE_S) -> OpenRun:
    """Load ``url`` from a process of its own, to the end; answers that come ``patience_s`` after the last request are none."""
    numbers = ["--rate", str(rate), "--seconds", str(seconds), "--patience", str(patience_s)]
    command = [sys.executable, "-m", "bench.load.open_loop", "--url", url, "--bodies", str(bodies), *numbers]
    told = subprocess.run(command, stdout=subprocess.PIPE, cwd=REPO, check=True).stdout
    return OpenRun(**json.loads(told))


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on its way."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._due = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._load.admit(self)

    def abort(self) -> None:
        self._transport.abort()

    def send(self, due: float, request: bytes) -> None:
        self._due, self._busy = due, True
        self._parser, self._body, self._retry_after = httptools.HttpResponseParser(self), b"", False
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._busy:  # nothing was asked on it for so long that the service says so, and hangs up
            self._transport.abort()
            return
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._retry_after = self._retry_after or name.lower() == b"retry-after"

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._busy = False
        self._load.note(self._due, self._parser.get_status_code(), self._body, self._retry_after)
        if self._parser.should_keep_alive():
            self._load.release(self)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._busy:
            self._load.note(self._due, _NO_ANSWER)
        self._load.forget(self)


class _Load:
    """The schedule, and the connections that serve it."""

    def __init__(self, at: SplitResult, requests: Sequence[bytes], connections: int) -> None:
        self._at, self._requests, self._most = at, requests, connections
        self._loop = asyncio.get_running_loop()
        self._made: set[_Connection] = set()
        self._free: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._late_ms: list[float] = []
        self._begun = 0.0

    async def run(self, rate: float, seconds: float, patience_s: float) -> OpenRun:
        """Send at ``rate`` for ``seconds``, and wait at most ``patience_s`` for the answers that are still out."""
        self.found = OpenRun(seconds)
        self._begun = time.perf_counter()
        for number in range(round(rate * seconds)):
            due = self._begun + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))  # late or not, answers are read in between
            self._late_ms.append((time.perf_counter() - due) * 1000)
            self._waiting.append((due, self._requests[number % len(self._requests)]))
            self._serve()
        give_up = time.perf_counter() + patience_s
        while len(self.found.status) < len(self._late_ms) and time.perf_counter() < give_up:
            await asyncio.sleep(0.05)
        await self._end()
        self.found.late_ms = float(np.percentile(self._late_ms, 99))
        return self.found

    async def _end(self) -> None:
        """Hang up; what is still out or waits has no answer."""
        for opening in self._opening:
            opening.cancel()
        while self._waiting:
            self.note(self._waiting.popleft()[0], _NO_ANSWER)
        for connection in list(self._made):
            connection.abort()
        while self._made:
            await asyncio.sleep(0.01)

    def admit(self, connection: _Connection) -> None:
        """A connection is made."""
        self._made.add(connection)

    def release(self, connection: _Connection) -> None:
        """Take back a connection that has had its answer."""
        self._free.append(connection)
        self._serve()

    def forget(self, connection: _Connection) -> None:
        """A connection is gone."""
        self._made.discard(connection)
        with suppress(ValueError):
            self._free.remove(connection)
        self._serve()

    def note(self, due: float, status: int, body: bytes = b"", retry_after: bool = False) -> None:
        """Write down one answer, or that there was none."""
        found = self.found
        found.due_s.append(round(due - self._begun, 4))
        found.took_ms.append(round((time.perf_counter() - due) * 1000, 3))
        found.status.append(status)
        found.retry_after += retry_after
        if escalation := body.partition(_MARK)[2].partition(b'"')[0].decode():
            found.escalations[escalation] = found.escalations.get(escalation, 0) + 1

    def _serve(self) -> None:
        while self._waiting and self._free:
            due, request = self._waiting.popleft()
            self._free.pop().send(due, request)
        room = self._most - len(self._made) - len(self._opening)
        for _ in range(min(len(self._waiting) - len(self._opening), room)):
            opening = self._loop.create_task(self._open())
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        try:
            _, connection = await self._loop.create_connection(lambda: _Connection(self), self._at.hostname, self._at.port)
        except OSError:
            if self._waiting:
                self.note(self._waiting.popleft()[0], _NO_ANSWER)
            return
        if connection in self._made:  # it may be gone already
            self.release(connection)


def requests_of(at: SplitResult, bodies: Path) -> list[bytes]:
    """The whole HTTP requests, one for each line of ``bodies``."""
    head = f"POST {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    return [head.encode() + b"%d\r\n\r\n%b" % (len(line), line) for line in bodies.read_bytes().splitlines()]


async def load(
    url: str, rate: float, seconds: float, bodies: Path, connections: int = CONNECTIONS, patience_s: float = PATIENCE_S
) -> OpenRun:
    """Load ``url`` from this process over at most so many ``connections``."""
    at = urlsplit(url)
    return await _Load(at, requests_of(at, bodies), connections).run(rate, seconds, patience_s)


def main() -> int:
    """Load as the command line says, and print what was found."""
    import uvloop

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bodies", type=Path, required=True, help="a file with a JSON e-mail a line")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds to wait for answers after the last request")
    chosen = parser.parse_args()
    with suppress(PermissionError):
        os.nice(_NICENESS)
    began_s = time.process_time()
    found = uvloop.run(load(chosen.url, chosen.rate, chosen.seconds, chosen.bodies, patience_s=chosen.patience))
    found.own_cpu = (time.process_time() - began_s) / chosen.seconds
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
