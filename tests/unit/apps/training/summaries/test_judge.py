from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from pydantic import JsonValue

from apps.training.evaluation.footprint import Footprint
from apps.training.packaging.provenance import Provenance
from apps.training.summaries.card import JudgedSummarizer, summarizer_card
from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.judge import Judgment, figures_of, judge, quality_of
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport
from libs.common.domain.model import TrainingDetails
from libs.common.domain.triage import Email, Summary
from libs.common.errors import DataError

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BODIES = ("The budget meeting is moved to monday. Please tell the others.", "Lunch is at noon today.", "")
HOLDOUT = SummaryExamples(
    tuple(Email(message_id=str(number), sender="", subject="", body=body) for number, body in enumerate(BODIES)),
    (("budget meeting moved to monday",), ("lunch at noon",), ("nothing",)),
)


@dataclass(frozen=True)
class FirstWords:
    """Sums an e-mail up by its first words."""

    family: ClassVar[str] = "extractive"
    options: dict[str, JsonValue]

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        return [Summary(" ".join(email.body.split()[:4])) for email in emails]

    def save(self, folder: Path) -> None:
        (folder / "nothing.json").write_text("{}")


@pytest.fixture(scope="module")
def judgment() -> Judgment:
    return judge(FirstWords({}), HOLDOUT, seed=0)


def test_the_figures_are_the_means_over_all_rows(judgment: Judgment) -> None:
    quality = quality_of(["budget meeting moved to monday", "lunch at noon", ""], HOLDOUT, seed=0)
    assert {kind: figure.value for kind, figure in quality.rouge.items()} == pytest.approx(dict.fromkeys(quality.rouge, 2 / 3))
    assert (quality.words, quality.copy_rate, quality.empty) == pytest.approx((8 / 3, 1, 1 / 3))
    assert judgment.quality.rouge["rouge1"].value == pytest.approx((4 / 9 + 6 / 7 + 0) / 3)
    assert all(figure.low <= figure.value <= figure.high for figure in judgment.quality.rouge.values())


def test_words_that_do_not_stand_in_the_email_lower_the_copy_rate() -> None:
    assert quality_of(["budget cut", "lunch", ""], HOLDOUT, seed=0).copy_rate == pytest.approx(0.75)


def test_latency_is_measured_alone_and_in_batches(judgment: Judgment) -> None:
    assert judgment.alone.calls == 3
    assert judgment.batched.calls >= 3


def test_without_a_pair_there_is_nothing_to_judge() -> None:
    with pytest.raises(DataError, match="no pair"):
        judge(FirstWords({}), SummaryExamples((), ()), seed=0)


def test_the_card_shows_what_was_measured(judgment: Judgment) -> None:
    details = TrainingDetails(
        dataset_version="mail/v1.0.0",
        dataset_digest="d" * 64,
        training_duration_hours=0.05,
        compute_cost_usd=0.01,
        training_date=NOW,
        seed=0,
    )
    dataset = DatasetVersion(
        name="mail",
        version="1.0.0",
        digest="d" * 64,
        rows=3,
        classes={},
        splits={},
        files={},
        lineage=Lineage(sources=(), code_commit="unknown", config_digest=""),
        quality=QualityReport(rows_read=3, rows_kept=3, quarantined={}, duplicates=0, score=1.0),
        created_at=NOW,
    )
    judged = JudgedSummarizer(FirstWords({}), judgment, Footprint(1_500_000, 42_000_000))
    card = summarizer_card(judged, Provenance("email_summarizer", "extractive", dataset, details))
    _, front, text = card.split("---\n", 2)
    (model,) = yaml.safe_load(front)["model-index"]
    measured = {metric["type"]: metric["value"] for metric in model["results"][0]["metrics"]}
    assert measured == {kind.lower(): round(figure.value, 4) for kind, figure in judgment.quality.rouge.items()}
    assert "mail/v1.0.0" in text
    assert "in 3.0 minutes" in text
    assert "| 1.5 · 42 MB |" in text
    metadata = yaml.safe_load(front)["metadata"]
    assert metadata["performance_metrics"] == figures_of(judgment).model_dump()
    assert metadata["deployment_requirements"]["memory_mb"] == 242
