"""Fits the tabular family with scikit-learn, and keeps only its numbers."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from apps.training.fitting.fit_tfidf import fit_grams, fit_tfidf
from apps.training.fitting.out_of_fold import Fitted, fit_twice
from libs.common.config.training import TabularFamily
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import edges, metadata, terms
from libs.common.features.grams import BUCKETS
from libs.common.models.tabular import TabularClassifier, TabularWeights, standardise

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float32]
Rows = NDArray[np.int64]

_MAX_ITERATIONS = 300


def fit_tabular(examples: Examples, options: TabularFamily, seed: int) -> Fitted[TabularClassifier]:
    """Fit on all rows, with the temperature found on a fold that a first fit had not seen."""
    cleaned, facts = read_emails(examples)

    def fit(rows: Rows) -> TabularClassifier:
        return fit_linear(examples.take(rows), [cleaned[row] for row in rows], facts[rows], options, seed)[0]

    return fit_twice(fit, examples, seed)


def fit_once(examples: Examples, options: TabularFamily, seed: int) -> TabularClassifier:
    """Fit on all rows, without a temperature: the labels of `fit_tabular` in half of its time."""
    return fit_linear(examples, *read_emails(examples), options, seed)[0]


def read_emails(examples: Examples) -> tuple[list[CleanEmail], Array]:
    """The n cleaned e-mails, and their (n, m) metadata."""
    cleaned = [clean(email) for email in examples.emails]
    facts = [metadata(*pair) for pair in zip(examples.emails, cleaned, strict=True)]
    return cleaned, np.array(facts, dtype=np.float32)


def fit_linear(
    examples: Examples,
    cleaned: list[CleanEmail],
    facts: Array,
    options: TabularFamily,
    seed: int,
    dense: Array | None = None,
) -> tuple[TabularClassifier, Array]:
    """One fit over words, grams, metadata and the further columns ``dense`` (n, d), with the coefficients (d, k) of these."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression

    vocabulary, idf, tfidf, word_weight = _fit_words(cleaned, options)
    gram_idf, gram_tfidf = fit_grams(cleaned, options.min_documents)
    found = np.flatnonzero(gram_idf)  # the other columns are empty, and would only take time
    centre, scale = facts.mean(axis=0), facts.std(axis=0) + 1e-6
    weighted = csr_matrix(standardise(facts, centre, scale) * np.float32(options.metadata_weight))
    model = LogisticRegression(
        C=options.inverse_regularization, class_weight="balanced", max_iter=_MAX_ITERATIONS, random_state=seed
    )
    further = np.empty((len(cleaned), 0), dtype=np.float32) if dense is None else dense
    columns = [tfidf, gram_tfidf[:, found] * np.float32(options.gram_weight), weighted, csr_matrix(further)]
    model.fit(cast(Any, hstack(columns).tocsr()), examples.labels)
    coefficients, bias = _coefficients(model)
    ends = np.cumsum([len(vocabulary), len(found), facts.shape[1]])
    of_words, of_found, of_facts, of_further = np.split(coefficients, ends)
    of_grams = np.zeros((BUCKETS, coefficients.shape[1]), dtype=np.float32)
    of_grams[found] = of_found * np.float32(options.gram_weight)
    weights = TabularWeights(
        idf=idf,
        terms=np.ascontiguousarray(of_words * word_weight),
        gram_idf=gram_idf,
        grams=of_grams,
        bias=bias,
        metadata=np.ascontiguousarray(of_facts * np.float32(options.metadata_weight)),
        centre=centre,
        scale=scale,
    )
    return TabularClassifier(tuple(str(label) for label in model.classes_), vocabulary, weights), of_further


def _fit_words(cleaned: list[CleanEmail], options: TabularFamily) -> tuple[dict[str, int], Array, "csr_matrix", Array]:
    """The vocabulary of terms, then edges, its idf (v,), the (n, v) TF-IDF, and (v, 1) by what each column is multiplied."""
    from scipy.sparse import csr_matrix, hstack

    bounds = options.max_terms, options.min_documents
    vocabulary, idf, tfidf = fit_tfidf(cleaned, terms, *bounds)
    further, edge_idf, edge_tfidf = fit_tfidf(cleaned, edges, *bounds)
    weight = np.repeat(np.array([1, options.edge_weight], dtype=np.float32), [len(vocabulary), len(further)])
    columns = csr_matrix(hstack([tfidf, edge_tfidf * np.float32(options.edge_weight)]))
    joined = vocabulary | {edge: len(vocabulary) + row for edge, row in further.items()}
    return joined, np.concatenate([idf, edge_idf]), columns, weight[:, None]


def _coefficients(model: "LogisticRegression") -> tuple[Array, Array]:
    """(features, k) and (k,), also for two classes."""
    coefficients, bias = np.asarray(model.coef_, dtype=np.float32).T, np.asarray(model.intercept_, dtype=np.float32)
    if len(model.classes_) > 2:
        return coefficients, bias
    # One score for two classes: the softmax of (−z/2, z/2) is the sigmoid of z.
    coefficients, bias = (np.hstack([-fitted, fitted]) / np.float32(2) for fitted in (coefficients, bias))
    return coefficients, bias
