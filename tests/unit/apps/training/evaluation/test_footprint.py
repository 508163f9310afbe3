from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from apps.training.evaluation.footprint import footprint
from apps.training.fitting.fit_tabular import fit_once
from libs.common.errors import ModelError
from libs.common.models.tabular import TabularClassifier
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


@dataclass(frozen=True)
class Unwritten(TabularClassifier):
    """Forgets to write its files."""

    def save(self, folder: Path) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def classifier() -> TabularClassifier:
    return fit_once(mailbox(), OPTIONS, 0)


def test_a_process_of_its_own_says_what_memory_loading_and_answering_take(classifier: TabularClassifier) -> None:
    emails = mailbox(5).emails
    found = footprint(classifier, (*emails, replace(emails[0], subject="", body=" ")))
    # Weights of the buckets of grams and 3 labels take 2 MB, of 100 terms hardly more; the libraries that read them some MB.
    assert 2_000_000 < found.size_bytes < 2_200_000
    assert 100_000 < found.memory_bytes < 300_000_000


def test_what_cannot_be_read_back_is_one_clear_error(classifier: TabularClassifier) -> None:
    unwritten = Unwritten(classifier.labels, classifier.vocabulary, classifier.weights)
    with pytest.raises(ModelError, match=r"tabular model cannot be read back: .*weights\.safetensors"):
        footprint(unwritten, mailbox(1).emails)
