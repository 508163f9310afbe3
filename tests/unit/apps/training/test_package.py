import io
import json

import pyarrow.parquet as pq
import pytest
import yaml

from apps.training.evaluation.evaluation_page import PAGE
from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.requirements import deployment_requirements
from libs.common.config.model_registry import MetadataSchema
from libs.common.models.artifact import verify_artifact
from tests.unit.apps.training.mails import mailbox
from tests.unit.apps.training.packages import Packaged


def test_the_package_is_an_artifact(packaged: Packaged) -> None:
    assert verify_artifact(packaged.folder) == packaged.digest


def test_the_card_says_in_front_and_in_words_what_was_measured(packaged: Packaged) -> None:
    folder, evaluation = packaged.folder, packaged.evaluation
    _, front, text = (folder / "README.md").read_text().split("---\n", 2)
    (result,) = yaml.safe_load(front)["model-index"][0]["results"]
    assert (result["dataset"]["revision"], result["dataset"]["args"]["digest"]) == ("1.2.0", "d" * 64)
    figures = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert figures["accuracy"] == pytest.approx(evaluation.figures.accuracy, abs=1e-4)
    assert figures["f1"] == pytest.approx(evaluation.figures.f1_score, abs=1e-4)
    assert f"{evaluation.figures.accuracy:.3f}" in text
    metadata = yaml.safe_load(front)["metadata"]
    assert metadata["training_details"]["dataset_digest"] == "d" * 64
    known = {"model_name", "framework", "architecture", "performance_metrics", "training_details", "deployment_requirements"}
    assert set(metadata) == {*known, "compliance"} <= set(MetadataSchema.model_fields)
    assert metadata["deployment_requirements"] == deployment_requirements("tabular", packaged.judged.footprint).model_dump()
    assert all(f"| {label} |" in text for label in ("invoice", "meeting", "spam"))
    assert "emails/v1.2.0" in text
    assert "No figure: it is fitted once." in text
    assert "No choice: it is fitted once." in text
    assert "| 1.5 · 42 MB |" in text
    assert "Found by the evaluation.** Nothing." in text


def test_the_page_of_the_evaluation_travels_with_the_model(packaged: Packaged) -> None:
    page = (packaged.folder / PAGE).read_text()
    assert f"{packaged.evaluation.figures.accuracy:.3f}" in page
    assert "Trained on emails/v1.2.0 in 30.0 minutes for 0.0600 USD" in page
    assert "<b>42 MB</b><span>memory</span>" in page


def test_every_requirement_is_pinned(packaged: Packaged) -> None:
    lines = (packaged.folder / "requirements-model.txt").read_text().splitlines()
    assert lines and all(line.count("==") == 1 for line in lines)


def test_monitoring_gets_a_reference_of_the_training_mails(packaged: Packaged) -> None:
    folder, evaluation = packaged.folder, packaged.evaluation
    table = pq.read_table(io.BytesIO((folder / "reference.parquet").read_bytes()))
    assert sorted(table["body_chars"].to_pylist()) == sorted(float(len(email.body)) for email in mailbox().emails)
    assert json.loads((folder / "reference.json").read_text())["latency_p95_ms"] == evaluation.figures.inference_latency_p95_ms


def test_the_memory_that_is_asked_for_is_what_was_measured_and_a_process() -> None:
    assert deployment_requirements("transformer", Footprint(9 * 10**7, 270_300_000)).memory_mb == 471
