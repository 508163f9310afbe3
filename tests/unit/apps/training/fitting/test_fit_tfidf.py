from pathlib import Path

import numpy as np
import pytest

from apps.training.fitting.fit_tfidf import fit_components, fit_tfidf
from libs.common.errors import DataError
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import edges, terms
from libs.common.features.tfidf import counted, project, read_vocabulary, write_vocabulary
from tests.unit.apps.training.mails import mailbox

CLEANED = [clean(email) for email in mailbox(30).emails]


def test_a_mail_is_projected_as_scikit_learn_does() -> None:
    vocabulary, idf, tfidf = fit_tfidf(CLEANED, terms, max_terms=200, min_documents=1)
    components = fit_components(tfidf, 8, seed=0)
    assert components.shape == (200, 8)
    ours = np.vstack([project(*counted(terms(each), vocabulary), idf, components) for each in CLEANED])
    np.testing.assert_allclose(ours, tfidf @ components, atol=1e-6)


def test_words_that_nobody_knows_are_nothing() -> None:
    vocabulary, idf, _ = fit_tfidf(CLEANED, terms, max_terms=200, min_documents=1)
    assert (project(*counted(["zzz", "qqq"], vocabulary), idf, np.ones((200, 3), np.float32)) == 0).all()


def test_where_no_term_is_in_enough_mails_there_is_none() -> None:
    mails = [CleanEmail(f"word{number}", "") for number in range(100)]
    vocabulary, idf, tfidf = fit_tfidf(mails, terms, max_terms=200, min_documents=2)
    assert (vocabulary, idf.shape, tfidf.shape) == ({}, (0,), (100, 0))
    assert fit_tfidf(mails, edges, max_terms=200, min_documents=1)[0] == {}
    with pytest.raises(DataError, match="no two words in common"):
        fit_components(tfidf, 8, seed=0)


def test_few_mails_give_few_components() -> None:
    _, _, tfidf = fit_tfidf(CLEANED[:5], terms, max_terms=200, min_documents=1)
    assert fit_components(tfidf, 128, seed=0).shape[1] == 4


def test_the_vocabulary_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    vocabulary = {"b": 0, "ä c": 1, "a": 2}
    write_vocabulary(vocabulary, tmp_path)
    assert read_vocabulary(tmp_path) == vocabulary
