"""The figures of a classifier that are logged to the run it was registered by."""

from apps.training.evaluation.refits import Refits, Unmeasured
from apps.training.packaging.card import Judged
from libs.common.stats import metrics
from libs.common.stats.calibration import brier_score


def logged_figures(judged: Judged) -> dict[str, float]:
    """All that was measured, by the name it has in MLflow."""
    seen, measured = judged.review, judged.footprint
    evaluation = seen.evaluation
    figures = evaluation.figures.model_dump(exclude={"per_class_recall"})
    recall = {f"recall/{_metric_name(label)}": value for label, value in evaluation.figures.per_class_recall.items()}
    further = {
        "weighted_precision": metrics.weighted_precision(evaluation.counts),
        "weighted_f1": metrics.weighted_f1(evaluation.counts),
        "brier_score": brier_score(evaluation.probabilities, evaluation.truth),
        "inference_latency_p50_ms": evaluation.alone.p50_ms,
        "batch_latency_p50_ms": evaluation.batched.p50_ms,
        "batch_latency_p95_ms": evaluation.batched.p95_ms,
        "size_mb": measured.size_bytes / 10**6,
        "memory_mb": measured.memory_bytes / 10**6,
        "findings": len(seen.findings),
        **seen.economies.figures,
        **_of_refits(seen.refits, judged.classifier.family),
    }
    return {name: float(value) for name, value in {**figures, **recall, **further}.items()}


def _of_refits(refits: Refits, family: str) -> dict[str, float]:
    latest, selection = refits.latest, refits.selection
    found: dict[str, float] = {}
    if not isinstance(latest, Unmeasured):
        found |= {"time_ordered/accuracy": latest.accuracy.value, "time_ordered/f1_score": latest.macro_f1.value}
    if not isinstance(selection, Unmeasured):
        own = next(standing for standing in selection.standings if standing.family == family)
        found |= {"out_of_fold/accuracy": own.accuracy.value, "out_of_fold/f1_score": own.macro_f1.value}
    return found


def _metric_name(label: str) -> str:
    """MLflow takes ASCII letters, digits and ``_-. /`` in the name of a metric."""
    return "".join(sign if (sign.isascii() and sign.isalnum()) or sign in "_-. /" else "_" for sign in label)
