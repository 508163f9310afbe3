"""A gate passes on what was shown, never on silence."""

import pytest

from flows.context import FlowContext
from flows.gates import evaluate_gates
from libs.common.domain.model import Stage, SummaryMetrics
from libs.common.domain.promotion import PromotionOutcome, QualityGate
from libs.common.domain.verdict import Verdict
from tests.unit.flows.standing import MODEL, NOW, promotion, version

_LIMITS = (("model_accuracy", "> 0.5"), ("inference_latency", "< 500ms"))
STAGED = QualityGate(name="staging_validation_complete")


def verdict(context: FlowContext, gate: QualityGate, accuracy: float = 0.95) -> Verdict:
    (result,) = evaluate_gates(context, version(accuracy=accuracy), [gate])
    return result.verdict


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("model_accuracy > 0.85", Verdict.PASS),
        ("model_accuracy > 0.96", Verdict.FAIL),
        ("inference_latency < 500ms", Verdict.PASS),
        ("inference_latency < 10ms", Verdict.FAIL),
        ("happiness > 1", Verdict.INSUFFICIENT_DATA),
    ],
)
def test_a_condition_is_held_against_the_figure_of_the_version(context: FlowContext, condition: str, expected: Verdict) -> None:
    assert verdict(context, QualityGate(name=condition.split()[0], condition=condition)) is expected


def test_what_a_summarizer_has_no_figure_of_is_not_passed(context: FlowContext) -> None:
    figures = SummaryMetrics(
        rouge1=0.99,
        rouge2=0.99,
        rouge_l=0.99,
        rouge1_low=0.98,
        rouge1_high=1,
        words=5,
        copy_rate=1,
        inference_latency_p95_ms=9,
        holdout_rows=9,
    )
    summarizer = version().model_copy(update={"performance_metrics": figures, "labels": ()})
    gates = [QualityGate(name=name, condition=f"{name} {limit}") for name, limit in _LIMITS]
    accuracy, latency = evaluate_gates(context, summarizer, gates)
    assert (accuracy.verdict, latency.verdict) == (Verdict.INSUFFICIENT_DATA, Verdict.PASS)
    assert "summarizer" in accuracy.found


def test_without_evidence_a_gate_says_how_to_record_it(context: FlowContext) -> None:
    (result,) = evaluate_gates(context, version(), [QualityGate(name="business_approval")])
    assert result.verdict is Verdict.INSUFFICIENT_DATA
    assert f"triage evidence record {MODEL} 3 business_approval" in result.found


def test_the_newest_evidence_of_this_version_counts(context: FlowContext) -> None:
    gate, evidence = QualityGate(name="business_approval"), context.stores.records.evidence
    evidence.record(MODEL, "2", gate.name, True, "another version", "omar", NOW)
    assert verdict(context, gate) is Verdict.INSUFFICIENT_DATA
    evidence.record(MODEL, "3", gate.name, True, "agreed", "omar", NOW)
    assert verdict(context, gate) is Verdict.PASS
    evidence.record(MODEL, "3", gate.name, False, "not any more", "omar", NOW)
    assert verdict(context, gate) is Verdict.FAIL


@pytest.mark.parametrize(
    ("stage", "outcome", "expected"),
    [
        (Stage.STAGING, PromotionOutcome.PROMOTE, Verdict.PASS),
        (Stage.STAGING, PromotionOutcome.REFUSE, Verdict.INSUFFICIENT_DATA),
        (Stage.STAGING, PromotionOutcome.WAIT, Verdict.INSUFFICIENT_DATA),
        (Stage.DEVELOPMENT, PromotionOutcome.PROMOTE, Verdict.INSUFFICIENT_DATA),
    ],
)
def test_staging_is_validated_by_a_decided_promotion_only(
    context: FlowContext, stage: Stage, outcome: PromotionOutcome, expected: Verdict
) -> None:
    context.stores.records.promotions.save(promotion(stage, outcome=outcome, decided_at=NOW))
    assert verdict(context, STAGED) is expected
