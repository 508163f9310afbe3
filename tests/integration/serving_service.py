"""A real Ray, Serve and stores around classifiers that do as they are told, and an open-loop load on them."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from apps.serving.deploy import deploy_server, deploy_slot, retire_slot, slot_ready
from apps.serving.loading import LoadedModel
from apps.serving.settings import Folders, ReplicaSettings, replica_settings
from apps.serving.slot import slot_name
from libs.common.config.configuration import Addresses
from libs.common.config.loader import load_config
from libs.common.config.model_serving import ModelServing
from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import Traffic
from libs.common.domain.triage import Email, PredictionEvent
from libs.common.errors import ModelNotFound
from libs.common.http_calls import http
from libs.common.stores.objects import open_objects
from libs.common.stores.predictions import PredictionLog
from libs.common.stores.records import Records, migrate, open_records
from tests.integration.shared_serve import shared_serve

MODEL = "email_classifier"
LABELS = ("spam", "work")
DEADLINE_S = 120.0


def scripted(version: str, behaviour: str = "spam") -> ModelRef:
    """A version that answers ``behaviour``, or ``raises``, ``hangs``, is ``slow``, or waits for a file: ``gate:PATH``."""
    return ModelRef(name=MODEL, version=version, digest=version.replace(".", "") * 8, uri=f"scripted://{behaviour}")


class ScriptedClassifier:
    """Answers, raises or hangs, as its address says."""

    family = "scripted"
    labels = LABELS
    batch_size = 32
    holds_interpreter = False
    options: dict[str, Any] = {}

    def __init__(self, behaviour: str) -> None:
        self._behaviour = behaviour

    def predict(self, emails: Sequence[Email]) -> Any:
        if self._behaviour == "raises":
            raise ValueError("the weights are nonsense")
        if self._behaviour == "hangs":
            time.sleep(3)
        if self._behaviour == "slow":
            time.sleep(0.1 * len(emails))  # 10 e-mails a second
        if self._behaviour.startswith("gate:"):
            wait_until(Path(self._behaviour.removeprefix("gate:")).exists, "the gate opens")
        certain = [0.9 if label == self._behaviour else 0.1 for label in LABELS]
        return np.array([certain] * len(emails))


def load_scripted(ref: ModelRef, settings: ReplicaSettings) -> LoadedModel:
    """Stands in for the object store; a candidate that raises or hangs does so from its first request on."""
    if ref.uri == "scripted://nowhere":
        raise ModelNotFound("scripted://nowhere does not exist")
    return LoadedModel(ref, ScriptedClassifier(ref.uri.removeprefix("scripted://")), 1000)


@dataclass
class Service:
    """A running service, and the hands that a release would lay on it."""

    url: str
    records: Records
    log: PredictionLog
    serving: ModelServing
    settings: ReplicaSettings

    def route(self, **wanted: Any) -> Traffic:
        """Change the traffic row."""
        return self.records.traffic.save(self.records.traffic.get(MODEL).model_copy(update=wanted))

    def route_and_wait(self, **wanted: Any) -> Traffic:
        """Change the traffic row and wait until every replica has applied it."""
        row = self.route(**wanted)
        needed = {ref.digest for ref in (row.stable, *row.warm) if ref}
        wait_until(lambda: self._applied(row.revision, needed), f"every replica applies revision {row.revision}")
        return row

    def _applied(self, revision: int, needed: set[str]) -> bool:
        reports = self.records.traffic.reports(MODEL, datetime.now(UTC) - timedelta(seconds=5))
        applied = [report for report in reports if report.revision >= revision and needed <= set(report.loaded)]
        return len(applied) >= self.serving.auto_scaling.min_replicas and len(applied) == len(reports)

    def deploy_candidate(self, ref: ModelRef) -> None:
        """Deploy the slot and wait until it is warm."""
        deploy_slot(self.serving, ref, self.settings, load_scripted)
        wait_until(lambda: slot_ready(MODEL, ref), f"the slot holds {ref}")

    def clear(self) -> None:
        """Stable 1.0.0 alone, no slot."""
        retire_slot(MODEL)
        self.route_and_wait(stable=scripted("1.0.0"), candidate=None, weight=0.0, mirror=False, warm=(), lease_expires_at=None)

    def dial(self) -> socket.socket:
        """A line to the ingress, for what no HTTP client would say."""
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), timeout=DEADLINE_S)

    def slot_processes(self) -> list[int]:
        """The process ids of the slot's replicas."""
        return _processes(slot_name(MODEL), "Slot")

    def server_processes(self) -> list[int]:
        """The process ids of the server's replicas."""
        return _processes(MODEL, "Server")

    def controller_process(self) -> int | None:
        """The process id of Serve's controller; None while there is none."""
        mine = psutil.Process().children(recursive=True)
        return next((one.pid for one in mine if _command_of(one.pid).startswith(b"ray::ServeController")), None)

    def replaced(self, victim: int) -> bool:
        """Whether there are two replicas, and ``victim`` is none of them."""
        found = self.server_processes()
        return len(found) == 2 and victim not in found

    def move_a_replica_to(self, node: "AddedNode") -> int:
        """Kill replicas until one of those that Serve starts in their place runs on ``node``; its process id."""
        while not (there := [pid for pid in self.server_processes() if pid in node.processes()]):
            victim = self.server_processes()[0]
            os.kill(victim, signal.SIGKILL)
            wait_until(partial(self.replaced, victim), "a new replica runs")
        return there[0]

    def owns(self, listening: str) -> bool:
        """Whether a line of ``ss -ltnp`` is of this service's HAProxy."""
        return int(listening.partition("pid=")[2].partition(",")[0]) in self.proxy_processes()

    def proxy_processes(self) -> list[int]:
        """The process ids of this service's HAProxy: one, and those that a reload has let finish."""
        own = f"/triage-serving-{self.url.rpartition(':')[2]}/".encode()
        found = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
        return [pid for pid in found if own in _command_of(pid)]

    @contextmanager
    def without_store(self) -> Iterator[None]:
        """Make every reading of the traffic row fail, and wait until the replicas have noticed."""
        with sqlite3.connect(self.settings.addresses.records.removeprefix("sqlite:///")) as database:
            database.execute("ALTER TABLE traffic RENAME TO traffic_away")
            database.commit()
            try:
                wait_until(lambda: 'kind="store_away"' in http().get(f"{self.url}/metrics").text, "the store is away")
                yield
            finally:
                database.execute("ALTER TABLE traffic_away RENAME TO traffic")
        database.close()

    def events(self, request_ids: set[str]) -> list[PredictionEvent]:
        """The shipped events of these requests, once all of them are there."""
        start, end = datetime.now(UTC) - timedelta(minutes=10), datetime.now(UTC) + timedelta(minutes=10)
        found: list[PredictionEvent] = []

        def all_there() -> bool:
            found[:] = [event for event in self.log.events(MODEL, start, end) if event.request_id in request_ids]
            return len(found) >= len(request_ids)

        wait_until(all_there, f"{len(request_ids)} events are shipped")
        return found


@dataclass
class AddedNode:
    """A second Ray node of this machine."""

    leader: psutil.Process

    def processes(self) -> dict[int, psutil.Process]:
        """All that runs on it, by process id."""
        if not self.leader.is_running():
            return {}
        return {one.pid: one for one in (self.leader, *self.leader.children(recursive=True))}

    def kill(self) -> None:
        """`kill -9` of everything at once, as when the power fails."""
        gone = self.processes().values()
        for one in gone:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(list(gone), timeout=DEADLINE_S)


@contextmanager
def added_node() -> Iterator[AddedNode]:
    """A node of two processors that joins the running Ray, and is gone after the block."""
    import ray

    command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus", "2"]
    command += ["--address", ray.get_runtime_context().gcs_address]
    node = AddedNode(psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    try:
        wait_until(lambda: sum(one["Alive"] for one in ray.nodes()) == 2, "the node has joined")
        yield node
    finally:
        node.kill()


@contextmanager
def running_service(home: Path, serving: ModelServing | None = None, **changed: Any) -> Iterator[Service]:
    """A server, by default of two replicas, with everything below ``home`` and its settings ``changed``."""
    from ray import serve

    config = load_config("demo")
    addresses = Addresses(f"sqlite:///{home}/records.db", str(home / "objects"), "", "", "")
    folders = Folders(home / "models", home / "predictions", home / "metrics")
    migrate(addresses.records)
    serving = serving or config.model_serving
    settings = replica_settings(MODEL, serving, addresses, folders)
    settings = replace(settings, poll_interval=timedelta(milliseconds=200), report_interval=timedelta(seconds=1))
    settings = replace(settings, **changed)
    records = open_records(addresses.records)
    port = shared_serve.join(timedelta(seconds=settings.longest_wait_s))
    try:
        deploy_server(serving, settings, load=load_scripted)
        log = PredictionLog(open_objects(addresses.objects))
        service = Service(f"http://127.0.0.1:{port}", records, log, serving, settings)
        wait_until(lambda: _answers(service.url), "the service answers")
        yield service
    finally:
        retire_slot(MODEL)
        serve.delete(MODEL)
        records.close()


def deploy_unready(service: Service, ref: ModelRef) -> None:
    """Begin to deploy a slot without waiting for it."""
    deploy_slot(service.serving, ref, service.settings, load_scripted)


def _processes(application: str, deployment: str) -> list[int]:
    from ray.serve.context import _get_global_client

    applications = _get_global_client().get_serve_details()["applications"]
    replicas = applications[application]["deployments"][deployment]["replicas"]
    return sorted(replica["pid"] for replica in replicas if replica["state"] == "RUNNING")


def _command_of(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""  # it has ended


def _answers(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return http().get(f"{url}/healthz").status_code == 200
    return False


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait for ``condition``; fails naming ``what`` at the deadline."""
    give_up = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > give_up:
            pytest.fail(f"not within {deadline_s:g} s: {what}")
        time.sleep(0.05)


@dataclass
class Load:
    """Requests at a fixed rate, whether or not earlier ones are answered, until the block ends."""

    url: str
    rate: float = 60.0
    replies: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    failed_at: list[float] = field(default_factory=list)
    struck: float = 0.0

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the load did not end"

    def wait_for(self, count: int) -> None:
        """Wait until ``count`` more requests are answered."""
        goal = len(self.replies) + count
        wait_until(lambda: len(self.replies) >= goal or bool(self.failures), f"{count} more replies")

    def since(self, position: int) -> Counter[tuple[str, str, str]]:
        """How many replies after ``position`` came from (version, variant, outcome)."""
        return Counter((reply["version"], reply["variant"], reply["outcome"]) for reply in self.replies[position:])

    def trouble_s(self) -> float:
        """Seconds from ``struck``, on the monotonic clock, until the last request that failed was sent; 0 where none did."""
        return max(0.0, max(self.failed_at, default=self.struck) - self.struck)

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        async with httpx.AsyncClient(base_url=self.url, limits=limits, timeout=10) as client, asyncio.TaskGroup() as group:
            started, sent = time.monotonic(), 0
            while not self._stop.is_set():
                group.create_task(self._send(client, sent))
                sent += 1
                await asyncio.sleep(max(0.0, started + sent / self.rate - time.monotonic()))

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        body = {"message_id": f"m{number}", "sender": "ann@example.com", "subject": "Hello", "body": f"Meeting {number}"}
        started = time.monotonic()
        try:
            reply = await client.post("/v1/classify", content=json.dumps(body))
        except httpx.HTTPError as error:
            self._fail(started, f"{type(error).__name__}: {error}")
            return
        self.latencies_ms.append((time.monotonic() - started) * 1000)
        if reply.status_code == 200:
            self.replies.append(reply.json())
        else:
            self._fail(started, f"{reply.status_code}: {reply.text[:200]}")

    def _fail(self, sent: float, why: str) -> None:
        self.failed_at.append(sent)
        self.failures.append(why)
