"""A gate passes on what was shown, never on silence."""

import pytest

from flows.context import FlowContext
from flows.gates import evaluate_gates
from libs.common.domain.model import Stage
from libs.common.domain.promotion import PromotionOutcome, QualityGate
from libs.common.domain.verdict import Verdict
from tests.unit.flows.standing import MODEL, NOW, promotion, summarizer, version

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
    gates = [QualityGate(name=name, condition=f"{name} {limit}") for name, limit in _LIMITS]
    accuracy, latency = evaluate_gates(context, summarizer(), gates)
    assert (accuracy.verdict, latency.verdict) == (Verdict.INSUFFICIENT_DATA, Verdict.PASS)
    assert "summarizer" in accuracy.found


@pytest.mark.parametrize(("rouge1", "expected"), [(0.21, Verdict.PASS), (0.19, Verdict.FAIL)])
def test_of_a_summarizer_rouge_is_asked_in_place_of_accuracy(context: FlowContext, rouge1: float, expected: Verdict) -> None:
    rules = context.config.promotion_pipeline.rules(Stage.DEVELOPMENT)
    assert [str(gate) for gate in rules.gates_of(True)] == ["unit_tests_pass", "inference_latency < 500ms", "rouge1 > 0.2"]
    assert rules.not_asked_of(True) == ("model_accuracy > 0.85",)
    assert (rules.gates_of(False), rules.not_asked_of(False)) == (rules.quality_gates, ())
    *_, last = evaluate_gates(context, summarizer(rouge1), rules.gates_of(True))
    assert last.verdict is expected


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
