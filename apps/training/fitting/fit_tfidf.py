"""Fits TF-IDF of terms and of grams with scikit-learn, and its truncated SVD; what comes out are plain arrays."""

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from libs.common.features.cleaning import CleanEmail
from libs.common.features.grams import BUCKETS, grams
from libs.common.features.tfidf import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def fit_tfidf(found: list[list[str]], max_terms: int, min_documents: int) -> tuple[dict[str, int], Array, "csr_matrix"]:
    """The vocabulary with the row of each term, the idf (v,) of those rows, and the (n, v) TF-IDF of n mails.

    ``found`` are the terms of each mail. No row where none of them is in enough mails.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    enough = _enough(min_documents, len(found))
    if max(Counter(term for each in found for term in set(each)).values(), default=0) < enough:
        return {}, np.empty(0, dtype=np.float32), csr_matrix((len(found), 0), dtype=np.float32)
    vectorizer = TfidfVectorizer(
        analyzer=cast(Any, list),
        sublinear_tf=True,
        min_df=enough,
        max_features=max_terms,
        dtype=cast(Any, np.float32),
    )
    tfidf = cast("csr_matrix", vectorizer.fit_transform(found))
    vocabulary = {str(term): int(row) for term, row in cast("dict[str, int]", vectorizer.vocabulary_).items()}
    return vocabulary, np.asarray(vectorizer.idf_, dtype=np.float32), tfidf


def fit_grams(cleaned: list[CleanEmail], min_documents: int) -> tuple[Array, "csr_matrix"]:
    """The idf (b,) of the buckets of `grams`, 0 where fewer mails than ``min_documents`` have it, and the (n, b) TF-IDF."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfTransformer

    found = [grams(each) for each in cleaned]
    ends = np.cumsum([0, *(len(buckets) for buckets, _ in found)])
    counts = np.concatenate([count for _, count in found]).astype(np.float32)
    table = csr_matrix((counts, np.concatenate([buckets for buckets, _ in found]), ends), shape=(len(cleaned), BUCKETS))
    transformer = TfidfTransformer(sublinear_tf=True)
    idf = np.asarray(transformer.fit(table).idf_, dtype=np.float32)
    transformer.idf_ = idf = np.where(table.getnnz(axis=0) < _enough(min_documents, len(cleaned)), np.float32(0), idf)
    return idf, cast("csr_matrix", transformer.transform(table))


def _enough(min_documents: int, mails: int) -> int:
    """A corpus of a handful of mails has no term twice."""
    return min(min_documents, max(1, mails // 50))


def fit_components(tfidf: "csr_matrix", count: int, seed: int) -> Array:
    """(v, r) directions that keep most of ``tfidf`` (n, v): r is ``count``, or what so few mails or terms allow."""
    from sklearn.decomposition import TruncatedSVD

    mails, found = cast("tuple[int, int]", tfidf.shape)
    svd = TruncatedSVD(min(count, mails - 1, found - 1), random_state=seed).fit(tfidf)
    return np.ascontiguousarray(np.asarray(svd.components_).T, dtype=np.float32)
