import numpy as np
import pytest

from apps.training.evaluation.evaluate import evaluate
from apps.training.fitting.fit_tabular import fit_tabular
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


def test_it_learns_what_can_be_learned() -> None:
    evaluation = evaluate(fit_tabular(mailbox(), OPTIONS, seed=0), mailbox(60, seed=9), seed=0)
    assert evaluation.figures.accuracy > 0.9
    assert evaluation.figures.accuracy_low <= evaluation.figures.accuracy <= evaluation.figures.accuracy_high


def test_the_same_seed_fits_the_same_model() -> None:
    first, second = (fit_tabular(mailbox(), OPTIONS, seed=4) for _ in range(2))
    emails = mailbox(20, seed=9).emails
    assert (first.predict(emails) == second.predict(emails)).all()
    assert first.vocabulary == second.vocabulary


@pytest.mark.parametrize("labels", [("invoice", "spam"), ("invoice", "meeting", "spam")])
def test_the_kept_numbers_answer_as_scikit_learn_does(labels: tuple[str, ...]) -> None:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from libs.common.features.cleaning import clean
    from libs.common.features.extraction import metadata, terms

    taught, judged = mailbox(60, labels=labels), mailbox(20, seed=9, labels=labels)
    fitted = fit_tabular(taught, OPTIONS, seed=0)

    vectorizer = TfidfVectorizer(analyzer=terms, sublinear_tf=True, min_df=1, max_features=500)
    facts = [np.array([metadata(mail, clean(mail)) for mail in part.emails]) for part in (taught, judged)]
    centre, scale = facts[0].mean(axis=0), facts[0].std(axis=0) + 1e-6
    cleaned = [[clean(mail) for mail in part.emails] for part in (taught, judged)]
    words = [vectorizer.fit_transform(cleaned[0]), vectorizer.transform(cleaned[1])]
    rows = [
        hstack([some, csr_matrix(np.clip((fact - centre) / scale, -4, 4) * OPTIONS.metadata_weight)])
        for some, fact in zip(words, facts, strict=True)
    ]
    model = LogisticRegression(C=OPTIONS.inverse_regularization, class_weight="balanced", max_iter=300).fit(
        rows[0], taught.labels
    )
    scores = fitted.logits(judged.emails)
    ours = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert ours == pytest.approx(model.predict_proba(rows[1]), abs=2e-3)
