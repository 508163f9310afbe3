import pytest

from libs.common.features.sentences import words_of


def sentences(text: str) -> list[str]:
    """The sentences of a text, their words joined by one space."""
    found: dict[int, list[str]] = {}
    for word in words_of(text):
        found.setdefault(word.sentence, []).append(text[word.start : word.end])
    return [" ".join(words) for words in found.values()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("Ask Dr. Who, i.e. the doctor.", ["Ask Dr. Who, i.e. the doctor."]),
        ("It costs 3.50 today.", ["It costs 3.50 today."]),
        ("Hello Anne,\nthe report is late.", ["Hello Anne,", "the report is late."]),
        ("A title\n\nA text", ["A title", "A text"]),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_line_that_a_mail_program_wrapped_goes_on() -> None:
    wrapped = "This line is as long as a mail program lets it be before the text\ngoes on in the next."
    assert len(sentences(wrapped)) == 1
    assert len(sentences(wrapped.replace("\n", "\n\n"))) == 2


def test_words_are_the_stretches_between_white_space() -> None:
    text = "a  bc\n\td"
    assert [(word.start, word.end) for word in words_of(text)] == [(0, 1), (3, 5), (7, 8)]
