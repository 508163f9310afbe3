"""The front doors on a running Ray, with real stores and a real artifact from the object store."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from apps.serving.ingress import free_ports, ray_environment
from apps.serving.loading import load_model
from flows.context import FlowContext
from flows.release_model import schedule_of
from flows.rollout_steps import Release
from flows.slots import ServeSlots
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.domain.rollout import Comparison, Rollout, RolloutPhase
from libs.common.domain.traffic import Traffic
from libs.common.domain.triage import Email
from libs.common.errors import ModelCorrupt
from libs.common.features.extraction import METADATA
from libs.common.features.grams import BUCKETS
from libs.common.http_calls import http
from libs.common.models.artifact import write_artifact
from libs.common.models.base import Classifier, Summarizer
from libs.common.models.generative import T5Summarizer
from libs.common.models.tabular import TabularClassifier, TabularWeights
from libs.common.stores.objects import open_objects
from libs.common.stores.records import migrate, open_records
from tests.integration.serving_service import MODEL, wait_until
from tests.integration.shared_serve import shared_serve
from tests.integration.tiny_summarizer import tiny_summarizer
from tests.unit.apps.training.summaries.small_models import small_model

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def small_classifier() -> TabularClassifier:
    """Says spam of mail about pills, and work of mail about a meeting."""
    facts = np.zeros(len(METADATA), dtype=np.float32)
    weights = TabularWeights(
        idf=np.ones(2, dtype=np.float32),
        terms=np.array([[4, -4], [-4, 4]], dtype=np.float32),
        gram_idf=np.zeros(BUCKETS, dtype=np.float32),
        grams=np.zeros((BUCKETS, 2), dtype=np.float32),
        bias=np.zeros(2, dtype=np.float32),
        metadata=np.zeros((len(METADATA), 2), dtype=np.float32),
        centre=facts,
        scale=facts + 1,
    )
    return TabularClassifier(("spam", "work"), {"pills": 0, "meeting": 1}, weights, 1.0)


def stored(
    folder: Path, objects: str, model: Classifier | Summarizer | None = None, name: str = MODEL, version: str = "1.0.0"
) -> ModelRef:
    """The artifact of a model, by default of the classifier, in the object store."""
    artifact = folder / f"{name}-{version}"
    digest = write_artifact(artifact, model or small_classifier(), {})
    uri = open_objects(objects).put_folder(f"models/{name}/{digest}", artifact)
    return ModelRef(name=name, version=version, digest=digest, uri=uri)


def flip_a_byte(folder: Path) -> str:
    """Damage the largest file below ``folder``; the answer is its name."""
    path = max(folder.rglob("*.*"), key=lambda found: found.stat().st_size)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    return path.name


def test_a_damaged_local_copy_is_fetched_again_and_a_damaged_original_is_named(tmp_path: Path) -> None:
    ref = stored(tmp_path, str(tmp_path / "objects"))
    models = tmp_path / "models"
    assert load_model(ref, models).labels == ("spam", "work")
    flip_a_byte(models / ref.digest)
    assert load_model(ref, models).size_bytes > 0
    shutil.rmtree(models)
    damaged = flip_a_byte(tmp_path / "objects" / "models")
    with pytest.raises(ModelCorrupt, match=damaged):
        load_model(ref, models)


def release(candidate: ModelRef, stable: ModelRef | None) -> Rollout:
    """Release a version to all traffic at once, as the flow does it: by way of its server and of a slot."""
    config = load_config("demo")
    context = FlowContext(config, Home.find(), connect(config.addresses(Home.find())))
    records = context.stores.records
    rollout = Rollout(
        id=candidate.version,
        model=candidate.name,
        strategy="blue_green",
        candidate=candidate,
        stable=stable,
        schedule=schedule_of(config.deployment_strategies, "blue_green"),
        started_at=context.now(),
        requested_by="olga",
    )
    driver = Release(
        records=records,
        slots=ServeSlots(context),
        compare=lambda _: Comparison(verdicts={}),
        crown=lambda _: None,
        now=context.now,
        tick=timedelta(milliseconds=100),
        lease=timedelta(seconds=60),
        load_deadline=timedelta(seconds=60),
        report_age=3 * config.model_serving.replica.report_interval,
    )
    ended = driver.drive(records.rollouts.save(rollout))
    records.close()
    return ended


@pytest.fixture(scope="module")
def port() -> int:
    """Where Serve answers."""
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def ray_address(port: int) -> Iterator[str]:
    """A Ray of this module's own, with Serve's ingress prepared."""
    import ray
    from ray import serve

    # Short: a Unix socket's path holds 107 characters.
    run = Path("/tmp") / f"triage-serving-{port}"
    shared_serve.leave()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ray_environment(run, True, True, load_config("demo").model_serving.replica.longest_wait).items():
            patch.setenv(name, value)
        patch.delenv("RAY_ADDRESS", raising=False)
        context = ray.init(
            address="local", include_dashboard=False, num_cpus=4, namespace="triage", log_to_driver=False, logging_level="error"
        )
        yield str(context.address_info["gcs_address"])
        serve.shutdown()
        ray.shutdown()
    shutil.rmtree(run, ignore_errors=True)


def open_front_door(address: str, port: int) -> str:
    """Run the front door to its end; the answer is what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "apps.serving.app", "--env", "demo", "--port", str(port)],
        env=os.environ | {"RAY_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_front_door_serves_a_real_model_and_is_idempotent(
    ray_address: str, port: int, state_home: Path, tmp_path: Path
) -> None:
    addresses = load_config("demo").addresses(Home.find())
    state_home.mkdir()
    migrate(addresses.records)
    url = f"http://127.0.0.1:{port}"
    assert open_front_door(ray_address, port) == f"{MODEL}: deployed\nbatch: deployed\n"
    records = open_records(addresses.records)
    records.traffic.save(Traffic(model=MODEL, stable=stored(tmp_path, addresses.objects)))

    def ready() -> bool:
        return all(http().get(f"{url}/readyz").status_code == 200 for _ in range(6))

    wait_until(ready, "every replica is ready")
    bodies = {"spam": "Cheap pills here", "work": "The meeting is at nine"}
    for label, body in bodies.items():
        answer = http().post(f"{url}/v1/classify", json={"subject": "Hello", "body": body}).json()
        assert (answer["label"], answer["version"]) == (label, "1.0.0")
        assert answer["confidence"] > 0.9
        again = (http().post(f"{url}/v1/classify", json={"subject": "Hello", "body": body}).json() for _ in range(20))
        kept = next(recalled for recalled in again if recalled["cached"])
        assert all(kept[figure] == answer[figure] for figure in ("label", "confidence", "probabilities"))
    asked = {"subject": "Hello", "body": bodies["spam"]}
    explained = http().post(f"{url}/v1/classify?explain=true", json=asked).json()["explanation"]
    assert explained["method"] == "linear"
    assert explained["reasons"][0]["weight"] > 0
    model = http().get(f"{url}/v2/models/{MODEL}").json()
    assert (model["platform"], model["versions"]) == ("triage_tabular", ["1.0.0"])
    assert open_front_door(ray_address, port) == f"{MODEL}: runs already\nbatch: runs already\n"

    told = {"subject": "Hello", "body": "Dear all. The budget review moved to monday. See you."}
    for path in ("/v1/summarize", "/v1/triage"):
        refused = http().post(f"{url}{path}", json=told)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert "triage promote email_summarizer" in refused.json()["hint"]
    summarizer = tiny_summarizer(tmp_path / "summarizer", {"budget", "review", "moved"})
    first = stored(tmp_path, addresses.objects, summarizer, SUMMARIZER)
    assert release(first, stable=None).phase is RolloutPhase.SUCCEEDED
    assert open_front_door(ray_address, port) == f"{MODEL}: runs already\n{SUMMARIZER}: runs already\nbatch: runs already\n"
    wait_until(lambda: http().post(f"{url}/v1/summarize", json=told).status_code == 200, "the summarizer answers")
    summed_up = http().post(f"{url}/v1/summarize", json=told, headers={"X-Request-Id": "line-1"})
    assert summed_up.headers.get_list("x-request-id") == ["line-1"]
    assert (summed_up.json()["model"], summed_up.json()["version"]) == (SUMMARIZER, "1.0.0")
    assert summed_up.json()["summary"] == "Budget review moved"
    assert http().get(f"{url}/v1/summarize").status_code == 405
    assert http().post(f"{url}/v1/summarize/x", json=told).status_code == 404
    wait_until(lambda: http().post(f"{url}/v1/triage", json=told).status_code == 200, "every replica can ask it")
    listed = http().post(f"{url}/v1/triage", json={"emails": [told, {"subject": "Hello", "body": bodies["spam"]}]}).json()
    assert [result["summarization"]["summary"] for result in listed["results"]] == ["Budget review moved", "Cheap pills"]
    assert listed["results"][1]["classification"]["label"] == "spam"

    (tmp_path / "t5").mkdir()
    written = T5Summarizer(small_model(tmp_path / "t5", "t5"), max_tokens=48, max_new_tokens=12, eos=1)
    line = written.summarize([Email(message_id="", sender="", **told)])[0].text
    assert line
    second = stored(tmp_path, addresses.objects, written, SUMMARIZER, "2.0.0")
    assert release(second, stable=first).phase is RolloutPhase.SUCCEEDED
    wait_until(lambda: http().post(f"{url}/v1/summarize", json=told).json()["summary"] == line, "the second version answers")
    records.close()


@pytest.mark.usefixtures("ray_address")
def test_the_watch_runs_on_serve_and_a_second_deploy_leaves_it_alone(state_home: Path, port: int) -> None:
    from apps.monitoring.app import deploy

    state_home.mkdir()
    config, home = load_config("demo"), Home.find()
    addresses = config.addresses(home)
    migrate(addresses.records)
    assert deploy(config, home, port) == {"monitoring": True}
    assert deploy(config, home, port) == {"monitoring": False}
    base = f"http://127.0.0.1:{port}/monitoring"
    wait_until(lambda: http().get(f"{base}/healthz").status_code == 200, "the watch runs")
    assert http().get(f"{base}/v1/status").json()["failures"] == 0
    assert http().get(f"{base}/v1/alerts", params={"model": config.platform.models[0]}).json() == []
