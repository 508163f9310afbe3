"""Batches by HTTP, as real Ray jobs: what is sent is triaged, a killed job goes on, and nobody reads what is not theirs."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from pyarrow import parquet

from apps.console.runtime.health import ray_is_up
from apps.serving.batches.service import APPLICATION, ROUTE, Batches, BatchSettings
from apps.serving.ingress import free_ports
from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Role
from libs.common.http_calls import http
from libs.common.models.artifact import write_artifact
from libs.common.stores.orchestrator import deploy_api, start_serve
from libs.common.stores.records import migrate
from tests.integration.children import children_named
from tests.integration.serving_service import wait_until
from tests.integration.shared_serve import shared_serve
from tests.integration.test_serving_offline import MODEL, box_of, emails, table_of
from tests.unit.apps.training.mails import mailbox as synthetic
from tests.unit.flows.standing import version as registered
from tests.unit.libs.common.models.test_tabular import OPTIONS

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning", "ignore::UserWarning"
    ),
]

DEADLINE_S = 150


@dataclass(frozen=True)
class Service:
    """The batch API, as an engineer reaches it."""

    http: httpx.Client
    stores: Stores

    def send(self, path: Path, kind: str, key: str) -> dict[str, Any]:
        """Order a batch; a cluster that has just begun takes no job for a while, and with the same key one may ask again."""
        headers = {"Content-Type": kind, "Idempotency-Key": key}
        deadline = time.monotonic() + DEADLINE_S
        while True:
            reply = self.http.post("/v1/batch?version=1", content=path.read_bytes(), headers=headers)
            if reply.status_code == 202:
                return reply.json()
            assert reply.status_code == 503 and time.monotonic() < deadline, reply.text

    def wait(self, batch: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_S
        while not until(seen := self.http.get(f"/v1/batch/{batch}").json()):
            assert time.monotonic() < deadline, seen
            time.sleep(0.2)
        return seen


def ended(batch: dict[str, Any]) -> bool:
    return batch["ended_at"] is not None


@pytest.fixture(scope="module")
def service(ray_at_the_end: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A home with one version, and the API on a Ray that takes jobs, which the one of the session does not."""
    import ray
    from ray import serve

    home, config = Home(tmp_path_factory.mktemp("batches")), load_config("local")
    stores = connect(config.addresses(home))
    migrate(stores.addresses.records)
    classifier = fit_tabular(synthetic(60, seed=0), OPTIONS, seed=0).classifier
    digest = write_artifact(home.root / "artifact", classifier, {})
    draft = registered().model_copy(update={"model_name": MODEL, "labels": classifier.labels, "digest": digest})
    stores.registry.register(home.root / "artifact", draft)
    token = stores.records.principals.add("ann", Role.ENGINEER)
    (port,) = free_ports(1)
    shared_serve.leave()
    with ray_that_takes_jobs() as address:
        ray.init(address=address, log_to_driver=False)
        start_serve("127.0.0.1", port)
        deploy_api(APPLICATION, ROUTE, Batches, BatchSettings.of(config, home))
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=90, trust_env=False) as client:
            yield Service(client, stores)
        serve.shutdown()
        ray.shutdown()
    stores.records.close()


@contextmanager
def ray_that_takes_jobs() -> Iterator[str]:
    """A Ray of two processors, by its address; `ray.init` would give its agent, which starts jobs, every other Ray's port."""
    names = ("port", "dashboard-port", "dashboard-agent-listen-port", "dashboard-agent-grpc-port", "metrics-export-port")
    names += ("runtime-env-agent-port", "ray-client-server-port")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    scratch = Path("/tmp") / f"triage-batches-{ports['port']}"  # short: a Unix socket's path holds 107 characters
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus", "2"]
    command += ["--disable-usage-stats", "--temp-dir", str(scratch), *(f"--{name}={port}" for name, port in ports.items())]
    environment = os.environ | {"RAY_worker_niceness": "0"}  # as `triage up` starts it
    process = psutil.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        fault = ray_is_up(f"http://127.0.0.1:{ports['dashboard-port']}")
        wait_until(lambda: fault() is None, "Ray is up", DEADLINE_S)
        yield f"127.0.0.1:{ports['port']}"
    finally:
        running = [*process.children(recursive=True), process]
        for one in running:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(running, timeout=30)
        shutil.rmtree(scratch, ignore_errors=True)


def test_a_mailbox_that_is_sent_is_triaged_and_what_was_sent_is_kept_no_longer(service: Service, tmp_path: Path) -> None:
    batch = service.send(box_of(tmp_path / "m.mbox", emails(40)), "application/mbox", "sunday")["id"]
    done = service.wait(batch, ended)
    assert (done["state"], done["version"], done["message"]) == ("succeeded", "1", "")
    assert done["headway"] == {"parts": 1, "parts_done": 1, "mails": 40, "mails_done": 40, "quarantined": 0}
    result = service.http.get(f"/v1/batch/{batch}/result").json()
    content = service.http.get(f"/v1/batch/{batch}/result/0").content
    assert result["parts"][0]["digest"] == hashlib.sha256(content).hexdigest()
    rows = parquet.read_table(BytesIO(content)).to_pylist()
    assert [row["message_id"].strip("<>") for row in rows] == [mail.message_id.strip("<>") for mail in emails(40)]
    lines = service.http.get(f"/v1/batch/{batch}/result/0?form=jsonl").text.splitlines()
    assert len(lines) == sum(result["labels"].values()) == 40
    kept = service.stores.objects.list(f"batches/{batch}/")
    assert [name for name in kept if "/result/" not in name] == []
    said = [event.action for event in service.stores.records.audit.events() if event.subject == batch]
    assert said == ["batch_ordered"]


def niceness_of_actors() -> set[int]:
    """Of those that make the parts."""
    return {process.nice() for process in children_named("PartWorker")}


def job_of(batch: str) -> psutil.Process | None:
    """The driver of a batch's job."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if batch in words and "apps.serving.batches" in words:
            return process
    return None


def test_a_killed_job_goes_on_with_the_same_request_and_a_cancelled_one_does_not(service: Service, tmp_path: Path) -> None:
    source = table_of(tmp_path / "m.parquet", emails(20_000))

    def send() -> dict[str, Any]:
        return service.send(source, "application/vnd.apache.parquet", "monday")

    batch = send()["id"]
    service.wait(batch, lambda seen: seen["headway"]["parts_done"] > 0)
    assert niceness_of_actors() == {10}, "who answers goes first"
    job = job_of(batch)
    assert job is not None
    os.kill(job.pid, signal.SIGKILL)
    seen = service.wait(batch, ended)
    assert seen["state"] == "interrupted"
    again = send()
    assert (again["id"], again["attempt"]) == (batch, 2)
    service.wait(batch, lambda now: now["state"] == "running")
    assert service.http.post(f"/v1/batch/{batch}/cancel").status_code == 200
    done = service.wait(batch, ended)
    assert (done["state"], done["attempt"]) == ("cancelled", 2)
    assert done["headway"]["parts_done"] >= seen["headway"]["parts_done"]
    assert send()["state"] == "cancelled"
    assert service.http.get(f"/v1/batch/{batch}/result").status_code == 409


def test_strangers_and_foreign_paths_are_refused(service: Service) -> None:
    refused = http().get(f"{service.http.base_url}/v1/batch")
    assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    for source in ("/etc/passwd", "s3://elsewhere/mail.mbox"):
        reply = service.http.post("/v1/batch", json={"source": source})
        assert (reply.status_code, reply.json()["status"]) == (403, 403)
