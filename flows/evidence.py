"""Has the product's own checks look at a version before it is promoted, and records what they found as evidence."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.training.evaluation import checks
from apps.training.fitting.examples import Examples, read_examples
from flows.context import FlowContext
from libs.common.domain.dataset import Split
from libs.common.domain.model import ModelVersion
from libs.common.domain.promotion import QualityGate
from libs.common.domain.triage import Email
from libs.common.models.artifact import load_classifier
from libs.common.models.base import Classifier
from libs.common.stores.objects import fetch_folder

_BY = "flow:promote_model"


@dataclass(frozen=True)
class Subject:
    """The version that is looked at, with what the checks need; each part is fetched when the first check asks for it."""

    context: FlowContext
    version: ModelVersion

    @cached_property
    def folder(self) -> Path:
        """The artifact on this node."""
        return fetch_folder(self.version.uri, self.context.home.models / self.version.digest)

    @cached_property
    def classifier(self) -> Classifier:
        """The version, loaded."""
        return load_classifier(self.folder, self.version.digest, trusted=self.context.stores.trusted_key)

    @cached_property
    def champion(self) -> ModelVersion | None:
        """The version that is in production, None before the first."""
        return self.context.stores.registry.champion(self.version.model_name)

    @cached_property
    def champion_classifier(self) -> Classifier | None:
        """The champion, loaded."""
        if self.champion is None:
            return None
        folder = fetch_folder(self.champion.uri, self.context.home.models / self.champion.digest)
        return load_classifier(folder, self.champion.digest, trusted=self.context.stores.trusted_key)

    @cached_property
    def holdout(self) -> Examples:
        """The rows that the version was judged on."""
        return self._rows(self.version, Split.HOLDOUT)

    @cached_property
    def unseen_by_both(self) -> Examples:
        """Those of them that the champion has not learned from either: a fair ground for the two."""
        seen = set(self._rows(self.champion, Split.TRAIN).emails) if self.champion else set[Email]()
        return self.holdout.take([row for row, email in enumerate(self.holdout.emails) if email not in seen])

    def _rows(self, version: ModelVersion, split: Split) -> Examples:
        name, _, number = version.training_details.dataset_version.rpartition("/")
        with TemporaryDirectory(prefix="triage-dataset-") as scratch:
            folder = self.context.stores.datasets.checkout(name, number, Path(scratch) / "dataset")
            return read_examples(folder, split)

    def compare_with_registry(self) -> checks.Finding:
        """What other teams get through mlflow.pyfunc, from a table that knows no recipients and attachments."""
        emails = [replace(email, recipients=(), attachments=()) for email in self.holdout.emails]
        return checks.check_integration(self.classifier, self.context.stores.registry.predict(self.version, emails), emails)


CHECKS: dict[str, Callable[[Subject], checks.Finding]] = {
    "unit_tests_pass": lambda subject: checks.check_behaviour(subject.classifier, subject.holdout.emails),
    "integration_tests_pass": lambda subject: subject.compare_with_registry(),
    "performance_regression_test": lambda subject: checks.check_regression(
        subject.classifier, subject.champion_classifier, subject.unseen_by_both
    ),
    "security_vulnerability_scan": lambda subject: checks.check_files(subject.folder, subject.context.stores.trusted_key),
    "a_b_test_preparation": lambda subject: checks.check_test_plan(subject.classifier, subject.champion_classifier),
}


def gather_evidence(context: FlowContext, version: ModelVersion, gates: Iterable[QualityGate]) -> None:
    """Run the checks behind ``gates`` and record each finding; gates that only people can answer are left to them."""
    subject = Subject(context, version)
    for gate in gates:
        if check := CHECKS.get(gate.name):
            found = check(subject)
            context.stores.records.evidence.record(
                version.model_name, version.version, found.gate, found.passed, found.detail, _BY, context.now()
            )
