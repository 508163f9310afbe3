"""The words of a cleaned text, and the sentence that each stands in."""

import re
from dataclasses import dataclass

# A shorter line ends because its writer ended it; mail programs wrap text at 65 characters or more.
_WRAPPED_FROM = 60
_WORD = re.compile(r"\S+")
_END = re.compile(r"[.!?…]+[\"'”’)\]]*")
# After these a full stop ends no sentence.
_SHORTENED = re.compile(r"(?:mr|mrs|ms|dr|prof|st|no|inc|ltd|co|corp|vs|etc|approx|e\.g|i\.e|[a-z])\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of text without white space, from ``start`` up to ``end``; ``sentence`` counts from 0."""

    start: int
    end: int
    sentence: int


def words_of(text: str) -> list[Word]:
    """Every word in its order; sentences end at their full stop, at an empty line, and with a line that is not wrapped."""
    words: list[Word] = []
    sentence = 0
    for match in _WORD.finditer(text):
        if words and _parted(text, words[-1], match.start()):
            sentence += 1
        words.append(Word(match.start(), match.end(), sentence))
    return words


def _parted(text: str, before: Word, start: int) -> bool:
    """Whether a sentence ends between a word and the next, which begins at ``start``."""
    word, gap = text[before.start : before.end], text[before.end : start]
    if "\n" in gap and ("\n\n" in gap or before.end - (text.rfind("\n", 0, before.end) + 1) < _WRAPPED_FROM):
        return True
    ended = _END.search(word)
    return ended is not None and ended.end() == len(word) and not _SHORTENED.fullmatch(word)
