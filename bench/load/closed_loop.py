"""Closed-loop load: a fixed number of connections, each sending its next request when it has its answer; wrk does it."""

import json
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("wrk.lua")


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """What one run of wrk found; latencies are those of all answers. ``own_cpu`` is wrk's share of one core."""

    requests: int
    seconds: float
    failed: int
    refused: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    own_cpu: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.requests - self.refused) / self.seconds


def find_wrk() -> str:
    """wrk's path; ends the benchmark where there is none."""
    if found := shutil.which("wrk"):
        return found
    raise SystemExit("wrk is needed for closed-loop load: apt-get install wrk")


def run_closed(url: str, connections: int, seconds: float, bodies: Path) -> ClosedRun:
    """Load ``url`` with ``connections`` connections for ``seconds``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(_SCRIPT), url]
    told = subprocess.run(command, env=os.environ | {"BENCH_BODIES": str(bodies)}, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(told.stdout.splitlines()[-1])
    spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ClosedRun(**found, own_cpu=spent_s / found["seconds"])
