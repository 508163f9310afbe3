from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.training.evaluation.evaluate import evaluate
from apps.training.fitting.fit_tabular import fit_once, fit_tabular
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.models.artifact import write_artifact
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


def test_it_learns_what_can_be_learned() -> None:
    evaluation = evaluate(fit_tabular(mailbox(), OPTIONS, seed=0).classifier, mailbox(60, seed=9), seed=0)
    assert evaluation.figures.accuracy > 0.9
    assert evaluation.figures.accuracy_low <= evaluation.figures.accuracy <= evaluation.figures.accuracy_high


def test_the_same_rows_and_seed_give_the_same_artifact(tmp_path: Path) -> None:
    digests = {
        write_artifact(tmp_path / name, fit_tabular(mailbox(), OPTIONS, seed=4).classifier, {}) for name in ("once", "again")
    }
    assert len(digests) == 1
    other = fit_tabular(mailbox(seed=1), OPTIONS, seed=4).classifier
    assert write_artifact(tmp_path / "other", other, {}) not in digests


def test_it_hands_over_what_a_fit_without_the_fold_answers_to_it() -> None:
    examples = mailbox()
    fitted = fit_tabular(examples, OPTIONS, seed=0)
    rows = np.flatnonzero(np.array(examples.folds) == 0)
    assert (fitted.aside.rows == rows).all() and (fitted.aside.truth == examples.take(rows).numbers(examples.classes)).all()
    assert fitted.aside.right.mean() > 0.9
    without = fit_once(examples.take(np.setdiff1d(np.arange(len(examples)), rows)), OPTIONS, 0)
    assert (without.logits(examples.take(rows).emails) == fitted.aside.logits).all()
    assert fitted.classifier.temperature == fitted.aside.temperature
    once = fit_once(examples, OPTIONS, 0)
    assert (once.logits(examples.emails) == fitted.classifier.logits(examples.emails)).all()


def test_where_no_fold_can_be_set_aside_there_are_no_answers_and_no_temperature() -> None:
    fitted = fit_tabular(replace(mailbox(30), folds=(0,) * 30), OPTIONS, seed=0)
    assert fitted.aside.logits.shape == (0, 3)
    assert fitted.classifier.temperature == 1


@pytest.mark.parametrize("labels", [("invoice", "spam"), ("invoice", "meeting", "spam")])
def test_the_kept_numbers_answer_as_scikit_learn_does(labels: tuple[str, ...]) -> None:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from libs.common.features.extraction import edges, metadata, terms
    from libs.common.features.grams import BUCKETS, grams

    def counts_of(mails: list[CleanEmail]) -> Any:
        table = np.zeros((len(mails), BUCKETS))
        for row, mail in zip(table, mails, strict=True):
            buckets, counts = grams(mail)
            row[buckets] = counts
        return csr_matrix(table)

    taught, judged = mailbox(60, labels=labels), mailbox(20, seed=9, labels=labels)
    options = OPTIONS.model_copy(update={"edge_weight": 0.5, "gram_weight": 0.7})
    fitted = fit_tabular(taught, options, seed=0).classifier

    vectorizers = [TfidfVectorizer(analyzer=read, sublinear_tf=True, min_df=1, max_features=500) for read in (terms, edges)]
    facts = [np.array([metadata(mail, clean(mail)) for mail in part.emails]) for part in (taught, judged)]
    centre, scale = facts[0].mean(axis=0), facts[0].std(axis=0) + 1e-6
    cleaned = [[clean(mail) for mail in part.emails] for part in (taught, judged)]
    both = [[vectorizer.fit_transform(cleaned[0]) for vectorizer in vectorizers]]
    both += [[vectorizer.transform(cleaned[1]) for vectorizer in vectorizers]]
    words = [hstack([found, ends * options.edge_weight]) for found, ends in both]
    tables = [counts_of(part) for part in cleaned]
    known = tables[0].getnnz(axis=0) > 0
    weighing = TfidfTransformer(sublinear_tf=True)
    runs = [weighing.fit_transform(tables[0][:, known]), weighing.transform(tables[1][:, known])]
    rows = [
        hstack([some, run * options.gram_weight, csr_matrix(np.clip((fact - centre) / scale, -4, 4) * OPTIONS.metadata_weight)])
        for some, run, fact in zip(words, runs, facts, strict=True)
    ]
    model = LogisticRegression(C=OPTIONS.inverse_regularization, class_weight="balanced", max_iter=300).fit(
        rows[0], taught.labels
    )
    scores = fitted.logits(judged.emails)
    ours = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert ours == pytest.approx(model.predict_proba(rows[1]), abs=2e-3)
