"""Registered versions judged anew on the holdout of a dataset version: one from every side, or two beside each other."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from apps.training.evaluation.compare import Comparison, Contender, compare
from apps.training.evaluation.economies import economies
from apps.training.evaluation.evaluate import BATCH, Evaluation, evaluate
from apps.training.evaluation.evaluation_page import evaluation_page
from apps.training.evaluation.footprint import footprint
from apps.training.evaluation.groups import kin
from apps.training.evaluation.overlap import repeated_rows
from apps.training.evaluation.refits import Refits, Unmeasured
from apps.training.evaluation.review import Standard, review
from apps.training.fitting.examples import Examples, read_examples
from libs.common.connect import Stores
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.model import ModelVersion
from libs.common.errors import DataError
from libs.common.models.artifact import load_classifier
from libs.common.models.base import Classifier
from libs.common.stores.objects import fetch_folder

_ANEW = Unmeasured("the version was judged anew, nothing was fitted for it")


@dataclass(frozen=True)
class _Entrant:
    """A loaded version, and the rows of the holdout that the rows it was taught give away."""

    version: ModelVersion
    classifier: Classifier
    repeated: tuple[int, ...]


def evaluate_version(
    stores: Stores, version: ModelVersion, dataset: DatasetVersion, standard: Standard, seed: int
) -> tuple[Evaluation, str]:
    """Judge a version on the holdout of ``dataset``; its figures, and the page that says all of it.

    Rows that its own training rows give away count, and are a finding.
    """
    with _entered(stores, [version], dataset) as (holdout, (entrant,)):
        classifier = entrant.classifier
        evaluation = evaluate(classifier, holdout, seed)
        cheaper = economies(classifier, evaluation, holdout, seed)
        seen = review(classifier, evaluation, holdout, entrant.repeated, Refits(_ANEW, _ANEW, _ANEW), standard, cheaper)
        measured = footprint(classifier, holdout.emails[:BATCH])
    return evaluation, evaluation_page(version.family, seen, dataset, version.training_details, measured)


def compare_versions(
    stores: Stores, first: ModelVersion, second: ModelVersion, dataset: DatasetVersion, seed: int
) -> tuple[Comparison, int]:
    """Judge two versions on the holdout of ``dataset``, without the rows that either was taught; how many these were.

    DataError where none are left.
    """
    with _entered(stores, [first, second], dataset) as (holdout, entrants):
        known = sorted({row for entrant in entrants for row in entrant.repeated})
        unseen = holdout.take(np.setdiff1d(np.arange(len(holdout)), known))
        if not len(unseen):
            found = f"all {len(holdout)} e-mails of the holdout of {dataset.tag} were taught to one of them"
            raise DataError(found, "compare on the dataset version that both were trained on, or on a later one")
        one, two = (_judge(entrant, unseen, seed) for entrant in entrants)
    return compare(one, two, kin(unseen.emails), seed), len(known)


def _judge(entrant: _Entrant, unseen: Examples, seed: int) -> Contender:
    measured = footprint(entrant.classifier, unseen.emails[:BATCH])
    return Contender(str(entrant.version.ref), evaluate(entrant.classifier, unseen, seed), measured)


@contextmanager
def _entered(
    stores: Stores, versions: list[ModelVersion], dataset: DatasetVersion
) -> Generator[tuple[Examples, list[_Entrant]]]:
    """The holdout and the loaded versions, whose files are gone after the block."""
    with TemporaryDirectory(prefix="triage-evaluate-") as scratch:
        holdout = _read(stores, dataset.name, dataset.version, Split.HOLDOUT, Path(scratch) / "judged")
        entrants: list[_Entrant] = []
        for number, version in enumerate(versions):
            name, _, taught_on = version.training_details.dataset_version.rpartition("/v")
            taught = _read(stores, name, taught_on, Split.TRAIN, Path(scratch) / f"taught-{number}")
            folder = fetch_folder(version.uri, Path(scratch) / f"model-{number}")
            classifier = load_classifier(folder, version.digest, trusted=stores.trusted_key)
            entrants.append(_Entrant(version, classifier, repeated_rows(taught, holdout)))
        yield holdout, entrants


def _read(stores: Stores, name: str, version: str, part: Split, folder: Path) -> Examples:
    return read_examples(stores.datasets.checkout(name, version, folder), part)
