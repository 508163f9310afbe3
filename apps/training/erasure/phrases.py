"""Finding and taking out what somebody wrote, where others repeat it: word by word, whatever the layout. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

ERASED = "[erased]"
_RUN = 5
_TELLING_CHARS, _TELLING_WORDS = 4, 2
_RARE_CHARS, _RARE_CHARS_WITH_DIGIT = 20, 8

# Marks of quotation are no words of the text, and neither are the tags and entities of HTML.
_PLAIN_WORD = re.compile(r"^[ \t]*(?:[A-Za-z]{0,3}[>|][ \t]?)+|(\w+)", re.MULTILINE)
_HTML_WORD = re.compile(r"<[^<>]*>|&#?\w+;|(\w+)")
_HTML_BREAK = re.compile(r"[<>\n]")
_Phrases = frozenset[tuple[str, ...]]


class _Word(NamedTuple):
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Phrases:
    """What a mail is recognised by where it is repeated.

    A reply breaks lines anew, adds marks and cuts sentences out, so lines are not compared: ``runs`` are any five successive
    words of the mail of which two are more than filling, and those of its shorter lines that are rare (a digit and eight
    characters, or twenty). Its other ``lines`` ("Kind regards, Ada") are taken out only whole and beside a run.
    """

    runs: _Phrases = frozenset()
    lines: _Phrases = frozenset()

    def __or__(self, other: "Phrases") -> "Phrases":
        return Phrases(self.runs | other.runs, self.lines | other.lines)

    def of(self, text: str, is_html: bool = False) -> "Phrases":
        """Those of the phrases that ``text`` repeats."""
        words = [word.text for word in _words(text, is_html)]
        runs = frozenset(tuple(words[first:last]) for first, last in _found(words, self.runs, self._heads))
        return Phrases(runs, self.lines if runs else frozenset())

    def taken_out(self, text: str, is_html: bool = False) -> str:
        """``text`` with `ERASED` in place of each stretch of it that is made of the phrases."""
        words = _words(text, is_html)
        covered = {
            number for found in _found([word.text for word in words], self.runs, self._heads) for number in range(*found)
        }
        covered |= self._lines_beside(covered, words, text, is_html)
        pieces: list[str] = []
        end = 0
        for start, stop in _stretches(text, [words[number] for number in sorted(covered)], is_html):
            pieces += [text[end:start], ERASED]
            end = stop
        return "".join((*pieces, text[end:]))

    def _lines_beside(self, covered: set[int], words: Sequence[_Word], text: str, is_html: bool) -> set[int]:
        """The words of whole lines that stand beside covered ones, or beside a line that does."""
        lines = _lines(words, text, is_html)
        reached = [not covered.isdisjoint(line) for line in lines]
        known = [tuple(words[number].text for number in line) in self.lines for line in lines]
        for order in (range(1, len(lines)), range(len(lines) - 2, -1, -1)):
            step = -1 if order.step == 1 else 1
            for place in order:
                reached[place] |= known[place] and reached[place + step]
        return {number for line, near, whole in zip(lines, reached, known, strict=True) if near and whole for number in line}

    def __bool__(self) -> bool:
        return bool(self.runs or self.lines)

    @cached_property
    def _heads(self) -> set[str]:
        return {run[0] for run in self.runs}


def phrases_of(text: str) -> Phrases:
    """What a repetition of ``text`` (cleaned, without mark-up) would be recognised by."""
    words = [word.text for word in _words(text)]
    runs = {run for first in range(len(words) - _RUN + 1) if _tells(run := tuple(words[first : first + _RUN]))}
    lines = {tuple(word.text for word in _words(line)) for line in text.split("\n")}
    short = {line for line in lines if 0 < len(line) < _RUN}
    rare = {line for line in short if _is_rare(" ".join(line))}
    return Phrases(frozenset(runs | rare), frozenset(short - rare))


def _tells(run: Sequence[str]) -> bool:
    """Whether a run says something: "on Thu 22 Aug 2002" and "if it is to be" stand in everybody's mail."""
    return sum(len(word) >= _TELLING_CHARS + word.isdigit() for word in run) >= _TELLING_WORDS


def _is_rare(line: str) -> bool:
    least = _RARE_CHARS_WITH_DIGIT if any(sign.isdigit() for sign in line) else _RARE_CHARS
    return len(line) >= least


def _words(text: str, is_html: bool = False) -> list[_Word]:
    found = (_HTML_WORD if is_html else _PLAIN_WORD).finditer(text)
    return [_Word(*match.span(1), _same(match[1])) for match in found if match[1]]


def _same(word: str) -> str:
    return word.casefold() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


def _found(words: Sequence[str], phrases: _Phrases, heads: set[str]) -> Iterator[tuple[int, int]]:
    """Where a phrase stands among the words: its first, and the one after its last."""
    for first, word in enumerate(words):
        if word not in heads:
            continue
        for last in range(first + 1, min(first + _RUN, len(words)) + 1):
            if tuple(words[first:last]) in phrases:
                yield first, last


def _lines(words: Sequence[_Word], text: str, is_html: bool) -> list[list[int]]:
    """The words by number, line by line; in HTML, tag by tag."""
    lines: list[list[int]] = []
    for number, word in enumerate(words):
        if not lines or _ends_line(text[words[number - 1].end : word.start], is_html):
            lines.append([])
        lines[-1].append(number)
    return lines


def _ends_line(gap: str, is_html: bool) -> bool:
    return (_HTML_BREAK.search(gap) is not None) if is_html else "\n" in gap


def _stretches(text: str, words: Sequence[_Word], is_html: bool) -> list[tuple[int, int]]:
    """Neighbouring words as one stretch, unless a line or a tag ends between them."""
    stretches: list[tuple[int, int]] = []
    for word in words:
        gap = text[stretches[-1][1] : word.start] if stretches else ""
        if stretches and not re.search(r"\w", gap) and not _ends_line(gap, is_html):
            stretches[-1] = (stretches[-1][0], word.end)
        else:
            stretches.append((word.start, word.end))
    return stretches
