"""Has the product's own checks look at a version before it is promoted, and records what they found as evidence."""

from collections.abc import Callable, Iterable
from functools import partial

from apps.training.evaluation import checks
from apps.training.summaries import checks as summary_checks
from flows.context import FlowContext
from flows.subjects import ClassifierSubject, SummarizerSubject
from libs.common.domain.model import ModelVersion
from libs.common.domain.promotion import QualityGate

_BY = "flow:promote_model"

CHECKS: dict[str, Callable[[ClassifierSubject], checks.Finding]] = {
    "unit_tests_pass": lambda subject: checks.check_behaviour(subject.classifier, subject.holdout.emails),
    "integration_tests_pass": lambda subject: subject.compare_with_registry(),
    "performance_regression_test": lambda subject: checks.check_regression(
        subject.classifier, subject.champion_classifier, subject.unseen_by_both
    ),
    "security_vulnerability_scan": lambda subject: subject.check_files(),
    "a_b_test_preparation": lambda subject: checks.check_test_plan(subject.classifier, subject.champion_classifier),
}

SUMMARIZER_CHECKS: dict[str, Callable[[SummarizerSubject], checks.Finding]] = {
    "unit_tests_pass": lambda subject: summary_checks.check_lines(subject.summarizer, subject.holdout.emails),
    "integration_tests_pass": lambda subject: subject.compare_with_registry(),
    "performance_regression_test": lambda subject: summary_checks.check_summary_regression(
        subject.summarizer, subject.champion_summarizer, subject.unseen_by_both
    ),
    "security_vulnerability_scan": lambda subject: subject.check_files(),
}


def gather_evidence(context: FlowContext, version: ModelVersion, gates: Iterable[QualityGate]) -> None:
    """Run the checks behind ``gates`` and record each finding; gates that only people can answer are left to them."""
    checks_of = _checks_of(context, version)
    for gate in gates:
        if check := checks_of.get(gate.name):
            found = check()
            context.stores.records.evidence.record(
                version.model_name, version.version, found.gate, found.passed, found.detail, _BY, context.now()
            )


def _checks_of(context: FlowContext, version: ModelVersion) -> dict[str, Callable[[], checks.Finding]]:
    if version.summarizes:
        summarizer = SummarizerSubject(context, version)
        return {name: partial(check, summarizer) for name, check in SUMMARIZER_CHECKS.items()}
    classifier = ClassifierSubject(context, version)
    return {name: partial(check, classifier) for name, check in CHECKS.items()}
