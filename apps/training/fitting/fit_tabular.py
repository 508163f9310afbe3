"""Fits the tabular family with scikit-learn, and keeps only its numbers."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples, set_aside
from apps.training.fitting.fit_tfidf import fit_grams, fit_tfidf
from apps.training.fitting.out_of_fold import Fitted, answers_to
from libs.common.config.training import TabularFamily
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import metadata
from libs.common.features.grams import BUCKETS
from libs.common.models.tabular import TabularClassifier, TabularWeights, standardise

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float32]

_MAX_ITERATIONS = 300


def fit_tabular(examples: Examples, options: TabularFamily, seed: int) -> Fitted[TabularClassifier]:
    """Fit on all rows, with the temperature found on a fold that a first fit had not seen."""
    cleaned, facts = _read_emails(examples)
    whole = _fit(examples, cleaned, facts, options, seed)
    learn, judge = set_aside(examples, seed)
    part = _fit(examples.take(learn), [cleaned[row] for row in learn], facts[learn], options, seed) if len(judge) else whole
    aside = answers_to(examples, judge, whole.labels, part.logits)
    return Fitted(replace(whole, temperature=aside.temperature), aside)


def fit_once(examples: Examples, options: TabularFamily, seed: int) -> TabularClassifier:
    """Fit on all rows, without a temperature: the labels of `fit_tabular` in half of its time."""
    return _fit(examples, *_read_emails(examples), options, seed)


def _read_emails(examples: Examples) -> tuple[list[CleanEmail], Array]:
    cleaned = [clean(email) for email in examples.emails]
    facts = [metadata(*pair) for pair in zip(examples.emails, cleaned, strict=True)]
    return cleaned, np.array(facts, dtype=np.float32)


def _fit(examples: Examples, cleaned: list[CleanEmail], facts: Array, options: TabularFamily, seed: int) -> TabularClassifier:
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    vocabulary, idf, tfidf = fit_tfidf(cleaned, options.max_terms, options.min_documents)
    gram_idf, gram_tfidf = fit_grams(cleaned, options.min_documents)
    found = np.flatnonzero(gram_idf)  # the other columns are empty, and would only take time
    centre, scale = facts.mean(axis=0), facts.std(axis=0) + 1e-6
    weighted = csr_matrix(standardise(facts, centre, scale) * np.float32(options.metadata_weight))
    model = LogisticRegression(
        C=options.inverse_regularization, class_weight="balanced", max_iter=_MAX_ITERATIONS, random_state=seed
    )
    columns = [tfidf, gram_tfidf[:, found] * np.float32(options.gram_weight), weighted]
    model.fit(cast(Any, hstack(columns).tocsr()), examples.labels)
    coefficients, bias = _coefficients(model)
    of_terms, of_found, of_facts = np.split(coefficients, [len(vocabulary), len(vocabulary) + len(found)])
    of_grams = np.zeros((BUCKETS, coefficients.shape[1]), dtype=np.float32)
    of_grams[found] = of_found * np.float32(options.gram_weight)
    weights = TabularWeights(
        idf=idf,
        terms=np.ascontiguousarray(of_terms),
        gram_idf=gram_idf,
        grams=of_grams,
        bias=bias,
        metadata=np.ascontiguousarray(of_facts * np.float32(options.metadata_weight)),
        centre=centre,
        scale=scale,
    )
    return TabularClassifier(tuple(str(label) for label in model.classes_), vocabulary, weights)


def _coefficients(model: "LogisticRegression") -> tuple[Array, Array]:
    """(features, k) and (k,), also for two classes."""
    coefficients, bias = np.asarray(model.coef_, dtype=np.float32).T, np.asarray(model.intercept_, dtype=np.float32)
    if len(model.classes_) > 2:
        return coefficients, bias
    # One score for two classes: the softmax of (−z/2, z/2) is the sigmoid of z.
    coefficients, bias = (np.hstack([-fitted, fitted]) / np.float32(2) for fitted in (coefficients, bias))
    return coefficients, bias
