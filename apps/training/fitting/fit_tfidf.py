"""Fits TF-IDF of terms and of grams with scikit-learn, and its truncated SVD; what comes out are plain arrays."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from libs.common.errors import DataError
from libs.common.features.cleaning import CleanEmail
from libs.common.features.grams import BUCKETS, grams
from libs.common.features.tfidf import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Read = Callable[[CleanEmail], list[str]]


def fit_tfidf(
    cleaned: list[CleanEmail], read: Read, max_terms: int, min_documents: int
) -> tuple[dict[str, int], Array, "csr_matrix"]:
    """The vocabulary of what ``read`` finds, the idf (v,) of its rows, and the (n, v) TF-IDF of the mails themselves.

    No rows where no term is in enough mails.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        analyzer=cast(Any, read),
        sublinear_tf=True,
        min_df=_enough(min_documents, len(cleaned)),
        max_features=max_terms,
        dtype=cast(Any, np.float32),
    )
    try:
        tfidf = cast("csr_matrix", vectorizer.fit_transform(cleaned))
    except ValueError:  # its word for no term, or none in enough mails
        return {}, np.empty(0, dtype=np.float32), csr_matrix((len(cleaned), 0), dtype=np.float32)
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
    if found < 2:
        raise DataError("the mails have no two words in common to be told apart by", "add mails, or lower min_documents")
    svd = TruncatedSVD(min(count, mails - 1, found - 1), random_state=seed).fit(tfidf)
    return np.ascontiguousarray(np.asarray(svd.components_).T, dtype=np.float32)
