"""Registering and finding model versions in a real MLflow on SQLite, its files in a local object store."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pandas as pd
import pytest

from apps.serving.ingress import free_ports
from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.configuration import SigningKeys
from libs.common.domain.model import (
    DeploymentRequirements,
    ModelVersion,
    PerformanceMetrics,
    Stage,
    TrainingDetails,
)
from libs.common.errors import ModelCorrupt, ModelNotFound, StoreError
from libs.common.http_calls import http
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.signature import SIGNATURE
from libs.common.models.signing import sign_artifact, trusted_key
from libs.common.stores.objects import Objects, fetch_folder, open_objects
from libs.common.stores.registry import ModelRegistry
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

NAME = "email_classifier"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def keys(home: Path) -> SigningKeys:
    return SigningKeys(home / "keys")


@pytest.fixture(scope="module")
def registry(home: Path, keys: SigningKeys) -> ModelRegistry:
    objects = open_objects(str(home / "objects"))
    return ModelRegistry(_tracking(home), objects, sign=lambda folder: sign_artifact(folder, keys))


@pytest.fixture(scope="module")
def artifact(home: Path) -> tuple[Path, str]:
    return home / "artifact", write_artifact(home / "artifact", fit_tabular(mailbox(30), OPTIONS, seed=0).classifier, {})


@pytest.fixture
def tracked(home: Path) -> Iterator[None]:
    import mlflow

    mlflow.set_tracking_uri(_tracking(home))
    yield
    mlflow.set_tracking_uri(None)  # pyright: ignore[reportArgumentType]


def _tracking(home: Path) -> str:
    return f"sqlite:///{home}/mlflow/mlflow.db"


def _draft(digest: str, name: str = NAME) -> ModelVersion:
    figures = PerformanceMetrics(
        accuracy=0.95,
        precision=0.9,
        recall=0.9,
        f1_score=0.9,
        inference_latency_p95_ms=2.0,
        accuracy_low=0.93,
        accuracy_high=0.97,
        calibration_error=0.02,
        holdout_rows=100,
        per_class_recall={"spam": 0.9},
    )
    training = TrainingDetails(
        dataset_version="v1.0.0",
        dataset_digest="d" * 64,
        training_duration_hours=0.1,
        compute_cost_usd=0.01,
        training_date=datetime(2026, 1, 2, tzinfo=UTC),
        seed=0,
    )
    deployment = DeploymentRequirements(
        memory_mb=300, cpu_cores=1, gpu_required=False, python_version=">=3.11", dependencies="requirements-model.txt"
    )
    return ModelVersion(
        model_name=name,
        version="",
        framework="scikit-learn",
        architecture="tfidf-logistic-regression",
        family="tabular",
        labels=("invoice", "meeting", "spam"),
        digest=digest,
        uri="",
        performance_metrics=figures,
        training_details=training,
        deployment_requirements=deployment,
    )


@pytest.fixture(scope="module")
def versions(registry: ModelRegistry, artifact: tuple[Path, str]) -> list[ModelVersion]:
    folder, digest = artifact
    return [
        registry.register(folder, _draft(digest), {"seed": 0}, {"accuracy": 0.95}, request_id=f"request-{number}")
        for number in (1, 2)
    ]


def test_the_tables_of_a_new_database_are_made_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fresh = ModelRegistry(f"sqlite:///{tmp_path}/mlflow.db", open_objects(str(tmp_path / "objects")))
    assert fresh.list(NAME) == []
    assert capfd.readouterr() == ("", "")


def test_a_registered_version_carries_the_whole_schema_and_a_number(
    registry: ModelRegistry, versions: list[ModelVersion], artifact: tuple[Path, str]
) -> None:
    assert [version.version for version in versions] == ["1", "2"]
    assert registry.get(NAME, "1") == versions[0]
    assert registry.get(NAME).version == "2"
    assert registry.list(NAME) == versions[::-1]
    expected = _draft(artifact[1]).model_copy(update={"version": "1", "uri": versions[0].uri})
    assert versions[0] == expected


def test_the_uri_gives_serving_the_artifact_without_mlflow(versions: list[ModelVersion], tmp_path: Path) -> None:
    ref = versions[0].ref
    classifier = load_classifier(fetch_folder(ref.uri, tmp_path / "model"), ref.digest)
    assert classifier.labels == versions[0].labels


def test_what_is_registered_is_signed_and_can_be_signed_anew(
    registry: ModelRegistry, versions: list[ModelVersion], keys: SigningKeys, tmp_path: Path
) -> None:
    ref = versions[0].ref
    first = fetch_folder(ref.uri, tmp_path / "first")
    load_classifier(first, ref.digest, trusted=trusted_key(keys))
    signed_before = (first / SIGNATURE).read_bytes()
    registry.sign(first, versions[0])
    again = fetch_folder(ref.uri, tmp_path / "again")
    assert (again / SIGNATURE).read_bytes() != signed_before
    load_classifier(again, ref.digest, trusted=trusted_key(keys))


def test_the_champion_loads_with_mlflow_and_answers(
    registry: ModelRegistry, versions: list[ModelVersion], tracked: None
) -> None:
    import mlflow.pyfunc

    registry.set_alias(NAME, "champion", "1")
    assert registry.get(NAME, "@champion") == registry.champion(NAME) == versions[0]
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    answers = model.predict(pd.DataFrame({"subject": ["invoice due"], "body": ["payment overdue"], "sender": ["a@b.c"]}))
    assert answers["label"].tolist() == ["invoice"]
    assert 0 < answers["confidence"].iloc[0] <= 1
    assert mlflow.pyfunc.load_model(f"models:/{NAME}@champion") is not None


def test_the_registry_answers_as_the_artifact_does_and_hands_mlflow_nothing_that_it_ignores(
    registry: ModelRegistry,
    versions: list[ModelVersion],
    artifact: tuple[Path, str],
    tracked: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mails = mailbox(12).emails
    classifier = load_classifier(artifact[0])
    assert registry.predict(versions[0], mails) == [
        classifier.labels[best] for best in classifier.predict(mails).argmax(axis=1)
    ]
    assert "ignored" not in capfd.readouterr().err


@pytest.fixture(scope="module")
def scoring_server(home: Path, versions: list[ModelVersion], keys: SigningKeys, repo: Path) -> Iterator[str]:
    """``mlflow models serve`` of version 1, ended with this module."""
    (port,) = free_ports(1)
    serve = ["models", "serve", "-m", f"models:/{NAME}/1", "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": _tracking(home),
        "PYTHONPATH": str(repo),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TRIAGE_TRUSTED_KEY": str(trusted_key(keys)),
    }
    with (home / "serve.log").open("w") as log:
        command = [sys.executable, "-m", "mlflow", *serve]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        give_up = time.monotonic() + 120
        while not _pings(port):
            assert process.poll() is None and time.monotonic() < give_up, (home / "serve.log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _pings(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return http().get(f"http://127.0.0.1:{port}/ping").status_code == 200
    return False


def test_mlflow_serves_a_registered_version(scoring_server: str) -> None:
    table = {"columns": ["subject", "body"], "data": [["invoice due", "payment overdue"], ["prize", "click free"]]}
    reply = http().post(f"{scoring_server}/invocations", json={"dataframe_split": table}, timeout=120)
    assert reply.status_code == 200, reply.text
    answers = reply.json()["predictions"]
    assert [answer["label"] for answer in answers] == ["invoice", "spam"]
    assert all(0 < answer["confidence"] <= 1 for answer in answers)


def test_mlflow_refuses_a_file_that_was_changed(registry: ModelRegistry, home: Path, tmp_path: Path, tracked: None) -> None:
    import mlflow.pyfunc

    digest = write_artifact(tmp_path / "model", fit_tabular(mailbox(33), OPTIONS, seed=1).classifier, {})
    registered = registry.register(tmp_path / "model", _draft(digest, "flipped"))
    weights = Path(registered.uri) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x99")
    with pytest.raises(ModelCorrupt, match=r"weights\.safetensors"):
        mlflow.pyfunc.load_model("models:/flipped/1")


def test_a_stage_is_kept(registry: ModelRegistry, versions: list[ModelVersion]) -> None:
    assert registry.set_stage(NAME, "2", Stage.STAGING).stage is Stage.STAGING
    assert registry.get(NAME, "2").stage is Stage.STAGING
    assert registry.get(NAME, "1").stage is Stage.NONE


def test_a_request_finds_what_it_registered_before(registry: ModelRegistry, versions: list[ModelVersion]) -> None:
    assert [version.version for version in registry.of_request(NAME, "request-2")] == ["2"]
    assert registry.of_request(NAME, "") == registry.of_request(NAME, "request-9") == []


@pytest.mark.parametrize("wanted", ["7", "@nobody", "latest"])
def test_what_is_not_there_is_named(registry: ModelRegistry, wanted: str) -> None:
    with pytest.raises(ModelNotFound, match=wanted):
        registry.get("unheard_of", wanted)


class _FullStore:
    """An object store that fails when the last file is to be written."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self.uri = objects.uri

    def put_folder(self, prefix: str, folder: Path) -> str:
        return self._objects.put_folder(prefix, folder)

    def put_bytes(self, key: str, content: bytes) -> None:
        raise StoreError(f"{key}: no space left", "free some")


def test_a_failure_registers_nothing_and_marks_the_run(home: Path, artifact: tuple[Path, str]) -> None:
    from mlflow import MlflowClient

    broken = ModelRegistry(_tracking(home), _FullStore(open_objects(str(home / "full"))))  # pyright: ignore[reportArgumentType]
    with pytest.raises(StoreError, match="no space"):
        broken.register(artifact[0], _draft(artifact[1], "unlucky"))
    assert broken.list("unlucky") == []
    client = MlflowClient(_tracking(home))
    experiment = client.get_experiment_by_name("unlucky")
    assert experiment is not None
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]
