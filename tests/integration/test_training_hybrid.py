"""The hybrid family for real: MiniLM on Ray Data actors, scikit-learn, and an artifact that needs neither."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from apps.training.fitters import fitter
from apps.training.fitting.embed import embed_texts
from apps.training.fitting.fit_tabular import fit_linear, read_emails
from libs.common.config.loader import load_config
from libs.common.errors import ModelCorrupt
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.hybrid import HybridClassifier, load_hybrid
from libs.common.stats.calibration import softmax
from tests.unit.apps.training.mails import mailbox

pytestmark = pytest.mark.filterwarnings("default")

TRAIN, HOLDOUT = mailbox(90), mailbox(30, seed=9)
SETTINGS = load_config("local").training


@pytest.fixture(scope="module")
def fitted(connected: str, tmp_path_factory: pytest.TempPathFactory) -> HybridClassifier:
    classifier = fitter("hybrid", SETTINGS)(TRAIN, 0, tmp_path_factory.mktemp("first")).classifier
    assert isinstance(classifier, HybridClassifier)
    return classifier


def test_it_learns_what_can_be_learned(fitted: HybridClassifier) -> None:
    probabilities = fitted.predict(HOLDOUT.emails)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(30))
    assert (np.array(fitted.labels)[probabilities.argmax(axis=1)] == np.array(HOLDOUT.labels)).mean() > 0.8
    assert fitted.predict([]).shape == (0, 3)


def test_it_answers_as_one_regression_over_all_its_columns(fitted: HybridClassifier, connected: str) -> None:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    from apps.training.fitting.fit_tfidf import fit_grams, fit_tfidf
    from libs.common.features.extraction import edges, terms
    from libs.common.models.tabular import standardise

    options = SETTINGS.families
    cleaned, facts = read_emails(TRAIN)
    embedded = embed_texts([each.whole for each in cleaned], fitted.encoder, actors=1) * options.hybrid.embedding_weight
    words = [fit_tfidf(cleaned, read, options.tabular.max_terms, 2)[2] for read in (terms, edges)]
    words[1] *= options.tabular.edge_weight
    grams = fit_grams(cleaned, 2)[1]
    metadata = standardise(facts, facts.mean(axis=0), facts.std(axis=0) + 1e-6) * options.tabular.metadata_weight
    columns = hstack([*words, grams, csr_matrix(metadata), csr_matrix(embedded)]).tocsr()
    model = LogisticRegression(C=options.tabular.inverse_regularization, class_weight="balanced", max_iter=300)
    expected = model.fit(columns, TRAIN.labels).predict_proba(columns)
    assert softmax(fitted.logits(TRAIN.emails)) == pytest.approx(expected, abs=5e-3)
    without, _ = fit_linear(TRAIN, cleaned, facts, options.tabular, 0)
    assert np.abs(without.logits(TRAIN.emails) - fitted.logits(TRAIN.emails)).max() > 0.05


def test_the_same_rows_and_seed_give_the_same_artifact_which_reads_back(
    fitted: HybridClassifier, connected: str, tmp_path: Path
) -> None:
    again = fitter("hybrid", SETTINGS)(TRAIN, 0, tmp_path).classifier
    digests = {write_artifact(tmp_path / name, each, {}) for name, each in (("once", fitted), ("again", again))}
    assert len(digests) == 1
    served = load_classifier(tmp_path / "once", *digests)
    assert served.predict(HOLDOUT.emails) == pytest.approx(fitted.predict(HOLDOUT.emails))


def test_weights_of_another_encoder_are_refused(fitted: HybridClassifier, tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", replace(fitted, embeddings=fitted.embeddings[:5]), {})
    with pytest.raises(ModelCorrupt, match=r"shape \(5, 3\) for 384 dimensions"):
        load_hybrid(tmp_path / "model", fitted.labels, fitted.options, threads=1)
