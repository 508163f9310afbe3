from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.sbom import SBOM
from apps.training.summaries import fit_generative, pipeline
from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.pipeline import SummarizerRequest, train_summarizers
from libs.common.config.loader import load_config
from libs.common.config.training import GenerativeFamily, Training
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport
from libs.common.domain.model import ModelVersion, SummaryMetrics
from libs.common.domain.progress import Progress
from libs.common.models.artifact import read_header
from libs.common.models.generative import GenerativeSummarizer
from tests.unit.apps.training.summaries.small_models import KINDS, examples, small_model

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DATASET = DatasetVersion(
    name="mail",
    version="1.0.0",
    digest="d" * 64,
    rows=16,
    classes={},
    splits={},
    files={},
    lineage=Lineage(sources=(), code_commit="unknown", config_digest=""),
    quality=QualityReport(rows_read=16, rows_kept=16, quarantined={}, duplicates=0, score=1.0),
    created_at=NOW,
)


class Shelf:
    """A registry that looks at what it is given, and keeps nothing."""

    def of_request(self, name: str, request_id: str) -> list[ModelVersion]:
        return []

    def register(
        self, folder: Path, draft: ModelVersion, params: dict[str, Any], figures: dict[str, float], request_id: str
    ) -> ModelVersion:
        assert read_header(folder).family == draft.family == params["family"]
        assert {"rouge1", "rouge2", "rouge_l", "words", "copy_rate"} <= figures.keys()
        assert "transformers==" in (folder / "requirements-model.txt").read_text()
        bill = (folder / SBOM).read_text()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
        assert draft.architecture in bill and "pkg:pypi/transformers@" in bill and "dataset" in bill
        assert (params["instance_type"], params["workers"]) == ("ml.m5.large", 1)
        assert figures["memory_mb"] == 42 and draft.deployment_requirements.memory_mb == 242
        return draft.model_copy(update={"version": "1"})


@pytest.mark.parametrize("family", ["t5", "gpt"])
def test_a_family_that_writes_is_judged_packaged_and_registered(
    family: str, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_config("local", repo).training

    def fit(told: SummaryExamples, options: GenerativeFamily, seed: int, workspace: Path) -> GenerativeSummarizer:
        assert options == _options(settings, family)
        return KINDS[family](small_model(workspace, family), 48, 6, eos=1)

    monkeypatch.setattr(fit_generative, f"fit_{family}", fit)
    monkeypatch.setattr(pipeline, "footprint", lambda summarizer, emails: Footprint(1_500_000, 42_000_000))
    monkeypatch.setattr(pipeline, "read_summary_examples", lambda folder, split: examples())
    request = SummarizerRequest(families=(family,))
    told: list[Progress] = []
    (version,) = train_summarizers(request, tmp_path, DATASET, cast(Any, Shelf()), settings, NOW, told.append)
    assert [str(one).split(",")[0] for one in told[:-1]] == [f"fitting {family}", f"judging {family}", "registering"]
    assert told[-1].ended
    assert (version.family, version.labels) == (family, ())
    details = version.training_details
    assert details.compute_cost_usd == pytest.approx(0.115 * details.training_duration_hours)
    assert isinstance(version.performance_metrics, SummaryMetrics)


def _options(settings: Training, family: str) -> GenerativeFamily:
    return {"t5": settings.summarizers.t5, "gpt": settings.summarizers.gpt}[family]
