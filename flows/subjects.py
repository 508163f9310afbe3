"""A version that is to be promoted, with what the product's checks need of it; each part is fetched when first asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from apps.training.evaluation import checks
from apps.training.fitting.examples import Examples, read_examples
from apps.training.summaries import checks as summary_checks
from apps.training.summaries.examples import SummaryExamples, read_summary_examples
from flows.context import FlowContext
from libs.common.domain.dataset import Split
from libs.common.domain.model import ModelVersion
from libs.common.domain.triage import Email
from libs.common.models.artifact import load_classifier, load_summarizer
from libs.common.models.base import Classifier, Summarizer
from libs.common.stores.objects import fetch_folder

Model = TypeVar("Model")
Rows = TypeVar("Rows")


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
    def champion(self) -> ModelVersion | None:
        """The version that is in production, None before the first."""
        return self.context.stores.registry.champion(self.version.model_name)

    def loaded(self, load: Callable[..., Model]) -> Model:
        """The version, as ``load`` reads it."""
        return load(self.folder, self.version.digest, trusted=self.context.stores.trusted_key)

    def champion_loaded(self, load: Callable[..., Model]) -> Model | None:
        """The champion, as ``load`` reads it."""
        if self.champion is None:
            return None
        folder = fetch_folder(self.champion.uri, self.context.home.models / self.champion.digest)
        return load(folder, self.champion.digest, trusted=self.context.stores.trusted_key)

    def rows(self, version: ModelVersion, split: Split, read: Callable[[Path, Split], Rows]) -> Rows:
        """A part of the dataset that ``version`` was trained on, as ``read`` reads it."""
        name, _, number = version.training_details.dataset_version.rpartition("/")
        with TemporaryDirectory(prefix="triage-dataset-") as scratch:
            return read(self.context.stores.datasets.checkout(name, number, Path(scratch) / "dataset"), split)

    def check_files(self) -> checks.Finding:
        """Whatever kind of model it is."""
        return checks.check_files(self.folder, self.context.stores.trusted_key)

    def said_by_registry(self, emails: Sequence[Email]) -> list[str]:
        """What other teams get through mlflow.pyfunc."""
        return self.context.stores.registry.predict(self.version, emails)


@dataclass(frozen=True)
class ClassifierSubject(Subject):
    """A classifier."""

    @cached_property
    def classifier(self) -> Classifier:
        """The version, loaded."""
        return self.loaded(load_classifier)

    @cached_property
    def champion_classifier(self) -> Classifier | None:
        """The champion, loaded."""
        return self.champion_loaded(load_classifier)

    @cached_property
    def holdout(self) -> Examples:
        """The rows that the version was judged on."""
        return self.rows(self.version, Split.HOLDOUT, read_examples)

    @cached_property
    def unseen_by_both(self) -> Examples:
        """Those of them that the champion has not learned from either: a fair ground for the two."""
        taught = self.rows(self.champion, Split.TRAIN, read_examples).emails if self.champion else ()
        return self.holdout.take(rows_without(self.holdout.emails, taught))

    def compare_with_registry(self) -> checks.Finding:
        """In process and in the registry it says the same."""
        emails = in_a_table(self.holdout.emails)
        return checks.check_integration(self.classifier, self.said_by_registry(emails), emails)


@dataclass(frozen=True)
class SummarizerSubject(Subject):
    """A summarizer."""

    @cached_property
    def summarizer(self) -> Summarizer:
        """The version, loaded."""
        return self.loaded(load_summarizer)

    @cached_property
    def champion_summarizer(self) -> Summarizer | None:
        """The champion, loaded."""
        return self.champion_loaded(load_summarizer)

    @cached_property
    def holdout(self) -> SummaryExamples:
        """The rows that the version was judged on."""
        return self.rows(self.version, Split.HOLDOUT, read_summary_examples)

    @cached_property
    def unseen_by_both(self) -> SummaryExamples:
        """Those of them that the champion has not learned from either."""
        taught = self.rows(self.champion, Split.TRAIN, read_summary_examples).emails if self.champion else ()
        return self.holdout.take(rows_without(self.holdout.emails, taught))

    def compare_with_registry(self) -> checks.Finding:
        """In process and in the registry it says the same."""
        emails = in_a_table(self.holdout.emails)
        return summary_checks.check_summary_integration(
            summary_checks.lines_of(self.summarizer, emails), self.said_by_registry(emails)
        )


def rows_without(emails: Sequence[Email], taught: Iterable[Email]) -> list[int]:
    """The places of those ``emails`` that were not ``taught``."""
    seen = set(taught)
    return [row for row, email in enumerate(emails) if email not in seen]


def in_a_table(emails: Iterable[Email]) -> list[Email]:
    """The e-mails as a table has them, which knows no recipients and attachments."""
    return [replace(email, recipients=(), attachments=()) for email in emails]
