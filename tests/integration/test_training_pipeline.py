"""From a dataset folder to registered versions: Ray Train, ONNX, MLflow and the object store for real, on few mails."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.serving.loading import load_model
from apps.training.course import TrainRequest
from apps.training.datasets.rows import DATASET
from apps.training.evaluation.economies import economies
from apps.training.evaluation.evaluate import evaluate
from apps.training.evaluation.flags import DAMAGED_INT8, damaged_int8
from apps.training.fitting import fit_cascade
from apps.training.fitting.examples import Examples
from apps.training.fitting.fit_tabular import fit_tabular
from apps.training.fitting.fit_transformer import fit_transformer
from apps.training.fitting.out_of_fold import Fitted
from apps.training.pipeline import train_models
from libs.common.config.loader import load_config
from libs.common.config.training import Training
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, Split
from libs.common.domain.model import ModelVersion
from libs.common.domain.progress import Progress
from libs.common.errors import ModelError, StoreError
from libs.common.features.json_mail import email_to_json
from libs.common.features.text_network import NETWORK
from libs.common.features.tokens import TOKENIZER
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.transformer import TransformerClassifier
from libs.common.stores.objects import fetch_folder, open_objects
from libs.common.stores.registry import ModelRegistry
from tests.unit.apps.training.mails import mailbox, read_only

pytestmark = pytest.mark.filterwarnings("default")

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRAIN, HOLDOUT = mailbox(90), mailbox(30, seed=9)


@pytest.fixture(scope="module")
def settings(repo: Path) -> Training:
    training = load_config("local", repo).training
    quick = {
        "max_emails": 72,
        "max_tokens": 32,
        "epochs": 3,
        "batch_size": 8,
        "learning_rate": 5e-4,
        "threads_per_worker": 1,
        "niceness": 0,
    }
    families = training.families
    transformer = families.transformer.model_copy(update=quick)
    return training.model_copy(update={"families": families.model_copy(update={"transformer": transformer})})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def registry(home: Path) -> ModelRegistry:
    return ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", open_objects(str(home / "objects")))


@pytest.fixture(scope="module")
def dataset_folder(home: Path) -> Path:
    folder = home / "dataset"
    folder.mkdir()
    rows = [*_rows(TRAIN, Split.TRAIN), *_rows(HOLDOUT, Split.HOLDOUT)]
    pq.write_table(pa.Table.from_pylist(rows, schema=DATASET), folder / "emails.parquet")
    return folder


def _rows(examples: Examples, split: Split) -> list[dict[str, Any]]:
    return [
        {**email_to_json(email), "label": label, "split": str(split), "fold": fold if split is Split.TRAIN else None}
        for email, label, fold in zip(examples.emails, examples.labels, examples.folds, strict=True)
    ]


@pytest.fixture(scope="module")
def dataset() -> DatasetVersion:
    return DatasetVersion(
        name="emails",
        version="1.0.0",
        digest="d" * 64,
        rows=120,
        classes={"invoice": 40, "meeting": 40, "spam": 40},
        splits={Split.TRAIN: 90, Split.HOLDOUT: 30},
        files={},
        lineage=Lineage(sources=(), code_commit="unknown", config_digest=""),
        quality=QualityReport(rows_read=120, rows_kept=120, quarantined={}, duplicates=0, score=1.0),
        created_at=NOW,
    )


@pytest.fixture(scope="module")
def versions(
    connected: str, dataset_folder: Path, dataset: DatasetVersion, registry: ModelRegistry, settings: Training
) -> list[ModelVersion]:
    return train_models(TrainRequest(request_id="first"), dataset_folder, dataset, registry, settings, NOW)


def test_both_families_are_registered_best_first(versions: list[ModelVersion], registry: ModelRegistry) -> None:
    assert sorted(version.family for version in versions) == ["tabular", "transformer"]
    assert registry.get("email_classifier") == versions[0]
    accuracy = {version.family: version.performance_metrics.accuracy for version in versions}
    assert accuracy["tabular"] > 0.9
    # Chance is a third; 72 mails are few for a transformer.
    assert accuracy["transformer"] > 0.6, accuracy
    assert {version.training_details.dataset_version for version in versions} == {"emails/v1.0.0"}
    assert {version.training_details.training_date for version in versions} == {NOW}
    for details in (version.training_details for version in versions):
        assert details.compute_cost_usd == pytest.approx(0.115 * details.training_duration_hours) and details.compute_cost_usd


def test_what_was_registered_is_what_was_judged(versions: list[ModelVersion], tmp_path: Path) -> None:
    for version in versions:
        folder = fetch_folder(version.uri, tmp_path / version.family)
        classifier = load_classifier(folder, version.digest)
        right = np.array(classifier.labels)[classifier.predict(HOLDOUT.emails).argmax(axis=1)] == np.array(HOLDOUT.labels)
        assert right.mean() == pytest.approx(version.performance_metrics.accuracy)
        assert {
            "README.md",
            "evaluation.html",
            "requirements-model.txt",
            "sbom.cdx.json",
            "reference.json",
            "reference.parquet",
        } <= {path.name for path in folder.iterdir()}
        assert "subject_chars" in pq.read_schema(folder / "reference.parquet").names


def test_a_transformer_is_read_back_without_torch(versions: list[ModelVersion]) -> None:
    uri = next(version.uri for version in versions if version.family == "transformer")
    program = (
        "import sys; from pathlib import Path\n"
        "from libs.common.models.artifact import load_classifier\n"
        "from libs.common.domain.triage import Email\n"
        f"mails = [Email('', '', 'a', 'b ' * n) for n in (1, 500, 7)]\n"
        f"rows = load_classifier(Path({uri!r}), threads=1).predict(mails)\n"
        "assert abs(rows.sum(axis=1) - 1).max() < 1e-9, rows\n"
        "print(*(name for name in ('torch', 'transformers', 'sklearn', 'mlflow', 'ray') if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr


def test_a_finished_request_run_again_trains_nothing(
    versions: list[ModelVersion], dataset: DatasetVersion, registry: ModelRegistry, settings: Training, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no-dataset-here"
    assert train_models(TrainRequest(request_id="first"), nowhere, dataset, registry, settings, NOW) == versions


def test_where_one_family_fails_none_is_registered(
    dataset_folder: Path, dataset: DatasetVersion, registry: ModelRegistry, settings: Training
) -> None:
    families = settings.families
    transformer = families.transformer.model_copy(update={"encoder": "no_such_encoder"})
    broken = settings.model_copy(update={"families": families.model_copy(update={"transformer": transformer})})
    request = TrainRequest(model_name="unlucky", request_id="second")
    with pytest.raises(ModelError, match="no_such_encoder"):
        train_models(request, dataset_folder, dataset, registry, broken, NOW)
    assert registry.list("unlucky") == []


def test_an_unknown_family_is_refused_before_anything_is_read(
    dataset: DatasetVersion, registry: ModelRegistry, settings: Training, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="oracle"):
        train_models(TrainRequest(families=("oracle",)), tmp_path, dataset, registry, settings, NOW)


@pytest.fixture(scope="module")
def again(
    versions: list[ModelVersion], settings: Training, tmp_path_factory: pytest.TempPathFactory
) -> Fitted[TransformerClassifier]:
    """The transformer of ``versions``, fitted once more with its seed."""
    workspace = tmp_path_factory.mktemp("again")
    return fit_transformer(TRAIN, settings.families.transformer, seed=0, workspace=workspace, threads=1)


@pytest.fixture(scope="module")
def small(again: Fitted[TransformerClassifier]) -> TransformerClassifier:
    """It in int8, whatever 18 mails said of that."""
    full = _full(again)
    files = full.network.files.parent / "int8"
    return replace(full, network=replace(full.network, files=files, precision="int8"))


def _full(fitted: Fitted[TransformerClassifier]) -> TransformerClassifier:
    assert fitted.int8 and isinstance(fitted.int8.full, TransformerClassifier)
    return fitted.int8.full


def test_fitted_again_with_its_seed_a_transformer_answers_as_the_one_that_was_registered(
    versions: list[ModelVersion], again: Fitted[TransformerClassifier], tmp_path: Path
) -> None:
    uri = next(version.uri for version in versions if version.family == "transformer")
    registered, classifier = load_classifier(Path(uri), threads=1), again.classifier
    assert registered.options["precision"] == classifier.network.precision
    assert classifier.predict(HOLDOUT.emails) == pytest.approx(registered.predict(HOLDOUT.emails), abs=1e-3)
    write_artifact(tmp_path / "model", classifier, {})
    read = load_classifier(tmp_path / "model", threads=1)
    assert (read.predict(HOLDOUT.emails) == classifier.predict(HOLDOUT.emails)).all()


def test_the_rows_aside_decide_whether_int8_answers(again: Fitted[TransformerClassifier]) -> None:
    assert again.int8 is not None
    verdict = again.int8.verdict
    assert verdict.rows == len(again.aside.rows) == 18
    assert verdict.accepted == (verdict.flips == 0) == (again.classifier.network.precision == "int8")


def test_in_int8_an_answer_is_the_same_in_any_batch_and_close_to_that_of_fp32(
    again: Fitted[TransformerClassifier], small: TransformerClassifier, tmp_path: Path
) -> None:
    answers = small.predict(HOLDOUT.emails)
    assert (small.predict(read_only(HOLDOUT.emails)) == answers).all()
    assert (answers == np.concatenate([small.predict([email]) for email in HOLDOUT.emails])).all()
    full = _full(again)
    assert answers == pytest.approx(full.predict(HOLDOUT.emails), abs=0.1)
    sizes = [(classifier.network.files / NETWORK).stat().st_size for classifier in (small, full)]
    assert sizes[0] < 0.8 * sizes[1]
    write_artifact(tmp_path / "model", small, {})
    assert (load_classifier(tmp_path / "model", threads=1).predict(HOLDOUT.emails) == answers).all()


def test_int8_whose_weights_are_damaged_is_found(
    again: Fitted[TransformerClassifier], small: TransformerClassifier, tmp_path: Path
) -> None:
    import onnx

    graph = onnx.load(small.network.files / NETWORK)
    for weights in graph.graph.initializer:
        if weights.name.endswith("_quantized"):
            weights.raw_data = weights.raw_data[::-1]
    onnx.save(graph, tmp_path / NETWORK)
    shutil.copyfile(small.network.files / TOKENIZER, tmp_path / TOKENIZER)
    assert again.int8 is not None
    accepted = replace(again.int8, verdict=replace(again.int8.verdict, accepted=True))
    for classifier, kinds in (
        (small, set[str]()),
        (replace(small, network=replace(small.network, files=tmp_path)), {DAMAGED_INT8}),
    ):
        evaluation = evaluate(classifier, HOLDOUT, seed=0)
        found = economies(classifier, evaluation, HOLDOUT, 0, accepted)
        assert {one.kind for one in damaged_int8(found, HOLDOUT)} == kinds, found


def test_a_cascade_is_a_version_like_any_other(
    again: Fitted[TransformerClassifier],
    dataset_folder: Path,
    dataset: DatasetVersion,
    registry: ModelRegistry,
    settings: Training,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Its transformer is the one fitted above."""
    monkeypatch.setattr(fit_cascade, "fit_transformer", lambda *_: again)
    request = TrainRequest(model_name="cascaded", families=("cascade",))
    told: list[Progress] = []
    (version,) = train_models(request, dataset_folder, dataset, registry, settings, NOW, watch=told.append)
    assert [str(one).split(",")[0] for one in told[:-1]] == ["fitting cascade", "judging cascade", "registering"]
    assert told[-1].ended
    served = load_model(version.ref, tmp_path)
    answers = [answer.label for answer in served.predict(HOLDOUT.emails)]
    assert answers == list(registry.predict(version, HOLDOUT.emails))
    assert (np.array(answers) == np.array(HOLDOUT.labels)).mean() == pytest.approx(version.performance_metrics.accuracy)
    assert version.performance_metrics.accuracy > 0.9


@pytest.mark.parametrize("threshold", [0.0, 0.8, 1.1])
def test_read_back_a_cascade_answers_the_same_in_any_batch(
    again: Fitted[TransformerClassifier], small: TransformerClassifier, settings: Training, threshold: float, tmp_path: Path
) -> None:
    light = fit_tabular(TRAIN, settings.families.tabular, seed=0)
    joined = fit_cascade.join(light, again, settings.families.cascade)
    assert joined.aside.rows.tolist() == light.aside.rows.tolist() == again.aside.rows.tolist()
    cascade = replace(joined.classifier, heavy=small, escalation=replace(joined.classifier.escalation, threshold=threshold))
    write_artifact(tmp_path / "model", cascade, {})
    read = load_classifier(tmp_path / "model", threads=1)
    answers = cascade.predict(HOLDOUT.emails)
    assert (read.predict(read_only(HOLDOUT.emails)) == answers).all()
    assert (read.predict(HOLDOUT.emails) == answers).all()
    assert (np.concatenate([read.predict([email]) for email in HOLDOUT.emails]) == answers).all()
    asked = cascade.escalated(HOLDOUT.emails)
    assert (answers[~asked] == light.classifier.predict(HOLDOUT.emails)[~asked]).all()
    assert asked.mean() == {0.0: 0.0, 1.1: 1.0}.get(threshold, asked.mean())


@pytest.mark.usefixtures("disconnected")
def test_without_ray_the_transformer_says_what_to_do(settings: Training, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Ray is not connected"):
        fit_transformer(TRAIN, settings.families.transformer, 0, tmp_path)
