import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from apps.training.evaluation.evaluate import Evaluation, evaluate
from apps.training.evaluation.evaluation_page import PAGE
from apps.training.evaluation.footprint import Footprint
from apps.training.evaluation.refits import Refits, Unmeasured
from apps.training.evaluation.review import Standard, review
from apps.training.fitting.fit_tabular import fit_tabular
from apps.training.package import Judged, Provenance, deployment_requirements, package_model
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails
from libs.common.domain.triage import Email
from libs.common.models.artifact import verify_artifact
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


def _facts(email: Email) -> dict[str, float]:
    return {"body_chars": float(len(email.body))}


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Evaluation]:
    dataset = DatasetVersion.model_construct(name="emails", version="1.2.0", digest="d" * 64)
    training = TrainingDetails(
        dataset_version="emails/v1.2.0",
        dataset_digest="d" * 64,
        training_duration_hours=0.5,
        compute_cost_usd=0.06,
        training_date=datetime(2026, 1, 2, tzinfo=UTC),
        seed=3,
    )
    classifier = fit_tabular(mailbox(), OPTIONS, seed=3).classifier
    holdout, once = mailbox(30, seed=9), Unmeasured("it is fitted once")
    evaluation = evaluate(classifier, holdout, seed=3)
    seen = review(classifier, evaluation, holdout, (), Refits(once, once, once), Standard())
    folder = tmp_path_factory.mktemp("package") / "model"
    provenance = Provenance("email_classifier", dataset, training)
    judged = Judged(classifier, seen, Footprint(size_bytes=1_500_000, memory_bytes=42_000_000))
    return folder, package_model(folder, judged, mailbox(), provenance, _facts), evaluation


def test_the_package_is_an_artifact(packaged: tuple[Path, str, Evaluation]) -> None:
    assert verify_artifact(packaged[0]) == packaged[1]


def test_the_card_says_in_front_and_in_words_what_was_measured(packaged: tuple[Path, str, Evaluation]) -> None:
    folder, _, evaluation = packaged
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    (result,) = yaml.safe_load(front)["model-index"][0]["results"]
    assert result["dataset"]["revision"] == "1.2.0"
    figures = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert figures["accuracy"] == pytest.approx(evaluation.figures.accuracy, abs=1e-4)
    assert figures["f1"] == pytest.approx(evaluation.figures.f1_score, abs=1e-4)
    assert f"{evaluation.figures.accuracy:.3f}" in text
    assert all(f"| {label} |" in text for label in ("invoice", "meeting", "spam"))
    assert "emails/v1.2.0" in text
    assert "No figure: it is fitted once." in text
    assert "No choice: it is fitted once." in text
    assert "| 1.5 · 42 MB |" in text
    assert "Found by the evaluation.** Nothing." in text


def test_the_page_of_the_evaluation_travels_with_the_model(packaged: tuple[Path, str, Evaluation]) -> None:
    page = (packaged[0] / PAGE).read_text()
    assert f"{packaged[2].figures.accuracy:.3f}" in page
    assert "Trained on emails/v1.2.0 in 30.0 minutes for 0.0600 USD" in page
    assert "<b>42 MB</b><span>memory</span>" in page


def test_every_requirement_is_pinned(packaged: tuple[Path, str, Evaluation]) -> None:
    lines = (packaged[0] / "requirements-model.txt").read_text().splitlines()
    assert lines and all(line.count("==") == 1 for line in lines)


def test_monitoring_gets_a_reference_of_the_training_mails(packaged: tuple[Path, str, Evaluation]) -> None:
    folder, _, evaluation = packaged
    table = pq.read_table(io.BytesIO((folder / "reference.parquet").read_bytes()))
    assert sorted(table["body_chars"].to_pylist()) == sorted(float(len(email.body)) for email in mailbox().emails)
    assert json.loads((folder / "reference.json").read_text())["latency_p95_ms"] == evaluation.figures.inference_latency_p95_ms


def test_the_memory_that_is_asked_for_is_what_was_measured_and_a_process() -> None:
    assert deployment_requirements("transformer", Footprint(9 * 10**7, 270_300_000)).memory_mb == 471
