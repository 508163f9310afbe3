from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.training import TabularFamily
from libs.common.domain.triage import Email
from libs.common.errors import ModelError
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.tabular import TabularClassifier, load_tabular
from tests.unit.apps.training.mails import mailbox, read_only

OPTIONS = TabularFamily(
    max_terms=500, min_documents=1, inverse_regularization=10, edge_weight=1, gram_weight=1, metadata_weight=0.1
)


@pytest.fixture(scope="module")
def classifier() -> TabularClassifier:
    return fit_tabular(mailbox(), OPTIONS, seed=0).classifier


def test_probabilities_sum_to_one(classifier: TabularClassifier) -> None:
    probabilities = classifier.predict(mailbox(12, seed=5).emails)
    assert probabilities.shape == (12, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(12))


def test_a_batch_answers_as_each_alone(classifier: TabularClassifier) -> None:
    emails = mailbox(12, seed=5).emails
    assert classifier.predict(emails) == pytest.approx(np.vstack([classifier.predict([email]) for email in emails]))


def test_it_reads_nothing_that_a_kept_answer_is_not_kept_by(classifier: TabularClassifier) -> None:
    emails = mailbox(12, seed=5).emails
    assert (classifier.predict(read_only(emails)) == classifier.predict(emails)).all()


@pytest.mark.parametrize("text", ["", "zzz qqq", "😀" * 50, "\x00\ud800" * 9, "word " * 100_000])
def test_any_text_gets_an_answer(classifier: TabularClassifier, text: str) -> None:
    probabilities = classifier.predict([Email(message_id="", sender="", subject=text[:80], body=text)])
    assert np.isfinite(probabilities).all()
    assert probabilities.sum() == pytest.approx(1)


def test_saved_and_read_back_it_predicts_the_same(classifier: TabularClassifier, tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", classifier, {})
    emails = mailbox(12, seed=5).emails
    assert (load_classifier(tmp_path / "model").predict(emails) == classifier.predict(emails)).all()


def test_a_model_of_other_metadata_features_is_refused(classifier: TabularClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    with pytest.raises(ModelError, match="metadata features"):
        load_tabular(tmp_path, classifier.labels, {**classifier.options, "metadata": ["is_html"]}, threads=1)


@pytest.mark.parametrize("feature", ["gram", "edges"])
def test_a_model_from_before_there_was_a_feature_is_refused(
    classifier: TabularClassifier, tmp_path: Path, feature: str
) -> None:
    classifier.save(tmp_path)
    options = {name: value for name, value in classifier.options.items() if name != feature}
    with pytest.raises(ModelError, match=f"{feature} features None"):
        load_tabular(tmp_path, classifier.labels, options, threads=1)


def test_nobody_to_predict_for(classifier: TabularClassifier) -> None:
    assert classifier.predict([]).shape == (0, 3)


def test_the_sender_changes_nothing(classifier: TabularClassifier) -> None:
    email = mailbox(1).emails[0]
    assert (classifier.predict([email]) == classifier.predict([replace(email, sender="x@other.biz")])).all()
