"""How each contestant is started, as a part that the product's own runtime starts, watches and ends."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

from apps.console.runtime import process
from apps.console.runtime.part import Part
from apps.console.runtime.up import raise_parts
from apps.serving.ingress import free_ports, ray_environment
from bench.contestants.engine import ARTIFACT, HOST, PORT, ROUTE, THREADS, WORKERS
from bench.contestants.peers_venv import PACKAGES
from bench.recording import REPO
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.http_calls import http

CORES = os.cpu_count() or 1
PRODUCT = "product"
# What HTTP itself costs: no server that anybody would choose for its features.
LIMITS = ("raw_asgi", "raw_asgi_2")
_DEADLINE_S, _GRACE_S = 120, 2
_TORCHSERVE_ROUTE = "/predictions/triage"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a contestant is to run: its interpreter, the artifact, its port and a folder of its own."""

    python: Path
    artifact: Path
    port: int
    home: Home


Command = Callable[[Stage], list[str]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """``workers`` processes share the machine's cores; ``variables`` besides those that all get."""

    name: str
    command: Command
    workers: int = CORES
    route: str = ROUTE
    variables: Callable[[Stage], Mapping[str, str]] = lambda stage: {}


@dataclass(frozen=True, slots=True)
class Started:
    """A contestant that answers at ``url``."""

    name: str
    url: str
    running: process.Running

    def processes(self) -> list[psutil.Process]:
        """All that it runs as."""
        return process.members(self.running)

    def cpu_s(self) -> float:
        """CPU time of all its processes until now."""
        return sum(times.user + times.system for times in self._each(psutil.Process.cpu_times))

    def resident_bytes(self) -> int:
        """Resident memory of all its processes; what they share counts in each."""
        return sum(memory.rss for memory in self._each(psutil.Process.memory_info))

    def _each(self, look: Callable[[psutil.Process], Any]) -> Iterator[Any]:
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                yield look(one)


@contextmanager
def started(contestant: Contestant, python: Path, artifact: Path, sample: bytes) -> Iterator[Started]:
    """``contestant`` with ``artifact``, within the block; it counts as up when it answers ``sample``, a JSON e-mail.

    ``python`` is the interpreter of the peers' own environment.
    """
    # Short: a Unix socket's path holds 107 characters.
    with TemporaryDirectory(prefix="bench-") as scratch:
        # Who needs nothing of its own runs on the product's environment: BentoML brings an OpenTelemetry that Ray cannot use.
        own = python if contestant.name in PACKAGES else Path(sys.executable)
        stage = Stage(own, artifact, free_ports(1)[0], Home(Path(scratch).resolve()))
        for folder in (stage.home.run, stage.home.logs):
            folder.mkdir()
        part = _part(contestant, stage, sample)
        try:
            raise_parts([part], stage.home, lambda told: None)
            running = process.find(part.name, stage.home.run)
            assert running is not None
            yield Started(contestant.name, part.url, running)
        finally:
            if left := process.find(part.name, stage.home.run):
                process.end(left)


def _part(contestant: Contestant, stage: Stage, sample: bytes) -> Part:
    url = f"http://{HOST}:{stage.port}{contestant.route}"

    def check() -> str | None:
        try:
            answer = http().post(url, content=sample, headers={"Content-Type": "application/json"})
        except httpx.HTTPError as error:
            return f"{url} does not answer ({type(error).__name__})"
        return None if answer.status_code == httpx.codes.OK and "label" in answer.json() else answer.text

    variables = {
        "PYTHONPATH": str(REPO),
        "TRIAGE_HOME": str(stage.home.root),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        ARTIFACT: str(stage.artifact),
        PORT: str(stage.port),
        THREADS: str(max(1, CORES // contestant.workers)),
        WORKERS: str(contestant.workers),
        **contestant.variables(stage),
    }
    argv = tuple(contestant.command(stage))
    return Part(contestant.name, argv, variables, check, url, {"http": stage.port}, deadline_s=_DEADLINE_S, grace_s=_GRACE_S)


def _module(name: str) -> Command:
    return lambda stage: [str(stage.python), "-m", f"bench.contestants.{name}"]


def _uvicorn(factory: str, workers: int) -> Command:
    options = f"--factory --lifespan off --host {HOST} --workers {workers} --log-level warning --no-access-log".split()
    return lambda stage: [str(stage.python), "-m", "uvicorn", factory, *options, "--port", str(stage.port)]


def _bentoml(stage: Stage) -> list[str]:
    service = "bench.contestants.bento_service:Triage"
    return [str(stage.python), "-m", "bentoml", "serve", service, "--host", HOST, "--port", str(stage.port)]


def _torchserve(stage: Stage) -> list[str]:
    """Pack the archive, write the settings, and the command that reads them."""
    archiver, store = stage.python.with_name("torch-model-archiver"), stage.home.root / "store"
    store.mkdir()
    handler = Path(__file__).with_name("torchserve_handler.py")
    names = ["--model-name", "triage", "--version", "1", "--handler", str(handler), "--export-path", str(store)]
    subprocess.run([archiver, *names], check=True, cwd=store)
    metrics, management, *_ = free_ports(2)
    addresses = {"inference": stage.port, "management": management, "metrics": metrics}
    settings = [f"{name}_address=http://{HOST}:{port}" for name, port in addresses.items()]
    settings += [f"default_workers_per_model={CORES}", "install_py_dep_per_model=false"]
    path = stage.home.root / "config.properties"
    path.write_text("\n".join(settings) + "\n")
    served = ["--model-store", str(store), "--models", "triage=triage.mar", "--ts-config", str(path)]
    alone = ["--foreground", "--ncs", "--disable-token-auth"]
    return [str(stage.python.with_name("torchserve")), "--start", *alone, *served]


def _torchserve_variables(stage: Stage) -> dict[str, str]:
    logs = str(stage.home.logs)
    path = f"{stage.python.parent}:{os.environ['PATH']}"
    return {"PATH": path, "LOG_LOCATION": logs, "METRICS_LOCATION": logs, "TEMP": str(stage.home.root)}


def _product_variables(stage: Stage) -> dict[str, str]:
    return ray_environment(stage.home.root / "h", True, True, load_config("local").model_serving.replica.longest_wait)


CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant(PRODUCT, _module("product"), variables=_product_variables),
        Contestant("raw_asgi", _uvicorn("bench.contestants.raw_asgi:RawAsgi", 1), workers=1),
        Contestant("raw_asgi_2", _uvicorn("bench.contestants.raw_asgi:RawAsgi", 2), workers=2),
        Contestant("fastapi", _uvicorn("bench.contestants.fastapi_app:create_app", CORES)),
        Contestant("litserve", _module("litserve_app")),
        Contestant(
            "bentoml",
            _bentoml,
            variables=lambda stage: {"BENTOML_HOME": str(stage.home.root), "BENTOML_DO_NOT_TRACK": "True"},
        ),
        Contestant("torchserve", _torchserve, route=_TORCHSERVE_ROUTE, variables=_torchserve_variables),
        Contestant("ray_serve", _module("ray_serve"), workers=1),
    )
}


def why_not(name: str) -> str | None:
    """Why a contestant cannot run on this machine; None where it can."""
    return "no Java on the path" if name == "torchserve" and shutil.which("java") is None else None
