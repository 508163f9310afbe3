import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from apps.training.packaging.requirements import pins
from apps.training.packaging.sbom import SBOM, bill_of_materials
from apps.training.packaging.sbom_card import sbom_card
from libs.common.domain.dataset import Finding
from libs.common.models.artifact import MANIFEST
from tests.unit.apps.training.packages import Packaged


@pytest.fixture(scope="module")
def written(packaged: Packaged) -> str:
    return (packaged.folder / SBOM).read_text()


@pytest.fixture(scope="module")
def bill(written: str) -> Any:
    return json.loads(written)


def test_it_is_valid_by_the_strict_schema_and_a_changed_one_is_not(written: str) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(written) is None
    assert validator.validate_str(written.replace('"architectureFamily"', '"architectureClan"')) is not None


def test_it_names_every_other_file_with_its_hash(packaged: Packaged, bill: Any) -> None:
    listed = {part["name"]: part["hashes"] for part in bill["metadata"]["component"]["components"]}
    there = {path.name: path.read_bytes() for path in packaged.folder.iterdir() if path.name not in (SBOM, MANIFEST)}
    assert listed == {
        name: [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}] for name, content in there.items()
    }


def test_every_pinned_package_and_the_dataset_are_what_the_model_depends_on(packaged: Packaged, bill: Any) -> None:
    parts = {part["bom-ref"]: part for part in bill["components"]}
    purls = {f"pkg:pypi/{name}@{version}" for name, version in pins("tabular").items()}
    assert {part["purl"] for part in parts.values() if "purl" in part} == purls
    assert parts["dataset"]["hashes"] == [{"alg": "SHA-256", "content": packaged.provenance.dataset.digest}]
    (needed,) = [entry["dependsOn"] for entry in bill["dependencies"] if entry["ref"] == "model"]
    assert set(needed) == purls | {"dataset"} == set(parts)


def test_the_card_says_what_was_measured_and_how_certain_it_is(packaged: Packaged, bill: Any) -> None:
    card = bill["metadata"]["component"]["modelCard"]
    accuracy, f1, *others = card["quantitativeAnalysis"]["performanceMetrics"]
    figures, interval = packaged.evaluation.figures, packaged.evaluation.f1
    bounds = {"lowerBound": f"{figures.accuracy_low:.4f}", "upperBound": f"{figures.accuracy_high:.4f}"}
    assert accuracy == {"type": "accuracy", "value": f"{figures.accuracy:.4f}", "confidenceInterval": bounds}
    assert f1["confidenceInterval"]["lowerBound"] == f"{interval.low:.4f}"
    recalls = {found["slice"]: found["value"] for found in others if found["type"] == "recall"}
    assert recalls == {f"class: {label}": f"{value:.4f}" for label, value in figures.per_class_recall.items()}
    assert card["modelParameters"]["datasets"] == [{"ref": "dataset"}]
    assert card["modelParameters"]["modelArchitecture"] == "tfidf-logistic-regression"


def test_the_same_model_gives_the_same_bytes_and_another_another_number(packaged: Packaged) -> None:
    card = sbom_card(packaged.judged, packaged.provenance)

    def bill_of(files: dict[str, str]) -> bytes:
        return bill_of_materials(packaged.provenance, card, files, pins("tabular"))

    one, again, other = (bill_of({"weights": digest}) for digest in ("a" * 64, "a" * 64, "b" * 64))
    assert one == again
    assert json.loads(one)["serialNumber"] != json.loads(other)["serialNumber"]
    assert json.loads(one)["metadata"]["timestamp"].startswith("2026-01-02")


def test_what_the_evaluation_found_is_a_limitation(packaged: Packaged) -> None:
    found = replace(packaged.judged.review, findings=(Finding(kind="brittle", said="a capital letter changes the answer"),))
    card = sbom_card(replace(packaged.judged, review=found), packaged.provenance)
    limits = card["considerations"]["technicalLimitations"]
    assert "brittle: a capital letter changes the answer" in limits
