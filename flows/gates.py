"""Gate name → what is known about it. A gate is either computed from the version, or rests on recorded evidence."""

from collections.abc import Callable, Sequence

from flows.context import FlowContext
from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.promotion import GateResult, PromotionOutcome, QualityGate
from libs.common.domain.verdict import Verdict
from libs.common.notation import parse_condition

_METRICS: dict[str, Callable[[ModelVersion], float | None]] = {
    "model_accuracy": lambda version: version.performance_metrics.headline.get("accuracy"),
    "rouge1": lambda version: version.performance_metrics.headline.get("rouge1"),
    "rouge2": lambda version: version.performance_metrics.headline.get("rouge2"),
    "rouge_l": lambda version: version.performance_metrics.headline.get("rouge_l"),
    "inference_latency": lambda version: version.performance_metrics.inference_latency_p95_ms,
}


def evaluate_gates(context: FlowContext, version: ModelVersion, gates: Sequence[QualityGate]) -> tuple[GateResult, ...]:
    """One result a gate, in order. A gate that nobody has shown anything about is INSUFFICIENT_DATA, never a pass."""
    return tuple(_evaluate(context, version, gate) for gate in gates)


def _evaluate(context: FlowContext, version: ModelVersion, gate: QualityGate) -> GateResult:
    if gate.condition is not None:
        return _measured(version, gate, gate.condition)
    if gate.name == "staging_validation_complete":
        return _staged(context, version, gate)
    return _evidenced(context, version, gate)


def _measured(version: ModelVersion, gate: QualityGate, written: str) -> GateResult:
    condition = parse_condition(written)
    if condition.metric not in _METRICS:
        found = f"no metric '{condition.metric}'; there are {', '.join(_METRICS)}"
        return GateResult(gate=written, verdict=Verdict.INSUFFICIENT_DATA, found=found)
    value = _METRICS[condition.metric](version)
    if value is None:
        found = f"a {'summarizer' if version.summarizes else 'classifier'} has no {condition.metric}"
        return GateResult(gate=written, verdict=Verdict.INSUFFICIENT_DATA, found=found)
    verdict = Verdict.PASS if condition.holds(value) else Verdict.FAIL
    return GateResult(gate=written, verdict=verdict, found=f"{value:.4g}{condition.unit}")


def _staged(context: FlowContext, version: ModelVersion, gate: QualityGate) -> GateResult:
    """Validated in staging means promoted to it by the rules, not merely tagged."""
    passed = [
        promotion
        for promotion in context.stores.records.promotions.list(version.model_name)
        if promotion.version == version.version
        and promotion.stage is Stage.STAGING
        and promotion.outcome is PromotionOutcome.PROMOTE
    ]
    verdict = Verdict.PASS if passed else Verdict.INSUFFICIENT_DATA
    return GateResult(gate=gate.name, verdict=verdict, found=passed[0].id if passed else "no decided promotion to staging")


def _evidenced(context: FlowContext, version: ModelVersion, gate: QualityGate) -> GateResult:
    evidence = context.stores.records.evidence.latest(version.model_name, version.version, gate.name)
    if evidence is None:
        command = f"triage evidence record {version.model_name} {version.version} {gate.name}"
        return GateResult(gate=gate.name, verdict=Verdict.INSUFFICIENT_DATA, found=f"no evidence; record it with: {command}")
    verdict = Verdict.PASS if evidence.passed else Verdict.FAIL
    return GateResult(gate=gate.name, verdict=verdict, found=f"{evidence.detail} ({evidence.by})")
