"""`triage evaluate` and `compare` on artifacts and datasets in folders, without a registry and a data workspace."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner, Result

from apps.console.cli import app
from apps.console.commands import training
from apps.training.datasets.rows import DATASET, TABLE
from apps.training.fitting.examples import Examples
from apps.training.fitting.fit_tabular import fit_once
from libs.common.config.configuration import SigningKeys
from libs.common.config.loader import load_config
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.model import ModelVersion, TrainingDetails
from libs.common.errors import DataError, ModelUntrusted
from libs.common.features.json_mail import email_to_json
from libs.common.models.artifact import write_artifact
from libs.common.models.signature import SIGNATURE
from libs.common.models.signing import sign_artifact, trusted_key
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS

FIRST, SECOND, LATER = mailbox(90), mailbox(90, seed=1), mailbox(60, seed=9)
# Of the later dataset's holdout, the first 12 mails are among those that the second version was taught.
HOLDOUT = Examples(SECOND.emails[:12] + LATER.emails[12:], SECOND.labels[:12] + LATER.labels[12:], (0,) * 60)
DATASETS = {"1.0.0": (FIRST, LATER), "2.0.0": (SECOND, LATER), "3.0.0": (FIRST, HOLDOUT), "4.0.0": (FIRST, SECOND)}


def _write(folder: Path, train: Examples, holdout: Examples) -> Path:
    rows = [
        {**email_to_json(email), "label": label, "split": str(split), "row_id": f"{split}-{number}"}
        for split, part in ((Split.TRAIN, train), (Split.HOLDOUT, holdout))
        for number, (email, label) in enumerate(zip(part.emails, part.labels, strict=True))
    ]
    folder.mkdir()
    parquet.write_table(pa.Table.from_pylist(rows, schema=DATASET), folder / TABLE)
    return folder


def _version(folder: Path, number: str, taught: Examples, keys: SigningKeys) -> ModelVersion:
    digest = write_artifact(folder / number, fit_once(taught, OPTIONS, 0), {})
    sign_artifact(folder / number, keys)
    details = TrainingDetails(
        dataset_version=f"emails/v{number}.0.0",
        dataset_digest="d" * 64,
        training_duration_hours=0.5,
        compute_cost_usd=0.06,
        training_date=datetime(2026, 1, 2, tzinfo=UTC),
        seed=0,
    )
    uri = str(folder / number)
    return ModelVersion.model_construct(
        model_name="mail", version=number, family="tabular", digest=digest, uri=uri, training_details=details
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> SigningKeys:
    return SigningKeys(tmp_path_factory.mktemp("home") / "keys")


@pytest.fixture(scope="module")
def models(keys: SigningKeys, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelVersion]:
    folder = tmp_path_factory.mktemp("models")
    return {"1": _version(folder, "1", FIRST, keys), "2": _version(folder, "2", SECOND, keys)}


@pytest.fixture
def triage(
    models: dict[str, ModelVersion], keys: SigningKeys, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    def dataset(name: str, version: str) -> DatasetVersion:
        return DatasetVersion.model_construct(name=name, version=version, digest="d" * 64)

    stores = SimpleNamespace(
        trusted_key=trusted_key(keys),
        registry=SimpleNamespace(get=lambda name, version: models[version]),
        datasets=SimpleNamespace(get=dataset, checkout=lambda name, version, folder: _write(folder, *DATASETS[version])),
    )
    monkeypatch.setattr(training, "open_session", lambda: SimpleNamespace(stores=stores, config=load_config("local", repo)))

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, words)

    return run


def test_two_versions_are_compared_on_what_neither_was_taught(triage: Any) -> None:
    ran = triage("compare", "1", "2", "--dataset-version", "3.0.0")
    assert ran.exit_code == 0, ran.exception
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("accuracy\t0.") or lines[0].startswith("accuracy\t1.")
    assert [line.partition("\t")[0] for line in lines[2:5]] == ["recall invoice", "recall meeting", "recall spam"]
    assert "differ by no more than chance can do" in lines[-2] and "answers faster" in lines[-2]
    assert lines[-1] == "48 e-mails of emails/v3.0.0, 48 threads and campaigns; 12 left out"


def test_where_one_was_taught_all_of_the_holdout_nothing_is_compared(triage: Any) -> None:
    failed = triage("compare", "1", "2", "--dataset-version", "4.0.0").exception
    assert isinstance(failed, DataError) and "all 90 e-mails of the holdout of emails/v4.0.0" in failed.message


def test_a_version_is_judged_anew_and_what_it_was_taught_is_a_finding(triage: Any, tmp_path: Path) -> None:
    into = tmp_path / "pages" / "two.html"
    ran = triage("evaluate", "2", "--dataset-version", "3.0.0", "--into", str(into))
    assert ran.exit_code == 0, ran.exception
    figures = json.loads(ran.stdout)
    assert figures["holdout_rows"] == 60 and figures["accuracy"] > 0.8
    page = into.read_text()
    assert "Evaluation of a tabular classifier on emails/v3.0.0" in page
    assert "Trained on emails/v2.0.0 in 30.0 minutes" in page
    assert "12 rows (20.0%) read as training rows do" in page
    assert "nothing was fitted for it" in page


def test_on_mail_that_it_never_saw_nothing_is_found(triage: Any, tmp_path: Path) -> None:
    into = tmp_path / "one.html"
    assert triage("evaluate", "1", "--dataset-version", "1.0.0", "--into", str(into)).exit_code == 0
    assert "read as training rows do" not in into.read_text()


@pytest.mark.parametrize("words", [("evaluate", "2"), ("compare", "1", "2")])
def test_a_version_that_is_not_signed_is_not_judged(
    triage: Any, models: dict[str, ModelVersion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    unsigned = shutil.copytree(models["2"].uri, tmp_path / "unsigned", ignore=shutil.ignore_patterns(SIGNATURE))
    monkeypatch.setitem(models, "2", models["2"].model_copy(update={"uri": str(unsigned)}))
    failed = triage(*words, "--dataset-version", "3.0.0").exception
    assert isinstance(failed, ModelUntrusted) and "is not signed" in failed.message
