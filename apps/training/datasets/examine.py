"""Looks at all kept rows together: campaigns, boilerplate, contested labels, leaks. Reads the staged file in batches.

The judgments are `near_duplicates` and `leaks`; memory holds counts of a fixed size and one entry a row, never a text.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pyarrow import parquet

from apps.training.datasets import leaks
from apps.training.datasets.flaws import BOILERPLATE, CONTESTED, NEAR_DUPLICATE
from apps.training.datasets.near_duplicates import campaigns
from apps.training.datasets.sketches import BUCKETS, bucket_of, read_buckets, words_of
from apps.training.datasets.split import Part
from apps.training.datasets.validate import Candidate
from libs.common.domain.dataset import Finding
from libs.common.features.cleaning import CleanEmail

_BATCH_ROWS = 1000
_MOST_NAMED_WORDS = 20
# A line of a signature, a footer or a form is common; a mail that is mostly such lines teaches little.
_COMMON_LINE_MAILS, _COMMON_LINE_SHARE, _BOILERPLATE_SHARE = 10, 0.005, 0.5


@dataclass(frozen=True, slots=True)
class Examined:
    """Rows with every flaw they have, and what was found of them together."""

    rows: tuple[Candidate, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Sketched:
    row: Candidate
    words: leaks.Buckets
    lines: leaks.Buckets


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows by one property: its values, the place of each row's value by the row's position, and how many rows have each."""

    names: list[str]
    of: Mapping[int, int]
    sizes: list[int]


@dataclass(frozen=True, slots=True)
class _Tally:
    """How many mails hold a bucket: of lines (buckets,), of words by label (labels, buckets), and of words by source.

    Sources are counted in each half of the folds, ``halves`` (2, sources, buckets), as are their mails, ``sizes`` (2, sources).
    """

    lines: leaks.Counts
    labels: leaks.Counts
    halves: leaks.Counts
    sizes: leaks.Counts


def campaigns_of(rows: Sequence[Candidate]) -> dict[str, str]:
    """Row id → the first row id of its campaign, for rows that have near-duplicates."""
    return {one: alike[0] for alike in campaigns({row.row_id: row.signature for row in rows}) for one in alike}


def examine(
    staged: Path,
    kept: Sequence[Candidate],
    parts: Mapping[int, Part],
    threads: Mapping[str, str],
    alike: Mapping[str, str],
    owners: Sequence[str],
) -> Examined:
    """Every flaw and finding of ``kept``; ``threads`` and ``alike`` map row ids to groups, ``owners`` are the rows' sources."""
    labels, sources = _grouped(kept, [row.label for row in kept]), _grouped(kept, owners)
    tally = _tally(staged, kept, labels, sources, parts)
    contested, found = _contested(kept, alike)
    boilerplate, guesses = _judged(staged, kept, tally, parts)
    copies = {row.position for row in kept if alike.get(row.row_id, row.row_id) != row.row_id}
    together = ((copies, NEAR_DUPLICATE), (boilerplate, BOILERPLATE), (contested, CONTESTED))
    rows = tuple(
        replace(row, flaws=(*row.flaws, *(flaw for positions, flaw in together if row.position in positions))) for row in kept
    )
    findings = [
        *found,
        *leaks.torn(leaks.THREAD, _placed(kept, parts, threads)),
        *leaks.torn(leaks.CAMPAIGN, _placed(kept, parts, alike)),
        *_telling(staged, kept, labels, tally.labels, leaks.TOKEN, "label"),
    ]
    if len(sources.names) > 1:
        findings += _telling(staged, kept, sources, tally.halves.sum(axis=0), leaks.MARKER, "source")
        said = [(row.origin, sources.names[sources.of[row.position]], sources.names[guess]) for row, guess in guesses]
        findings += leaks.predictable_sources(said, sources.names)
    return Examined(rows, tuple(findings))


def _sketches(staged: Path, kept: Sequence[Candidate]) -> Iterator[_Sketched]:
    """The kept rows in the order of the file, with what was counted of them."""
    wanted = {row.position: row for row in kept}
    with parquet.ParquetFile(staged) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=["position", "words", "lines"]):
            for found in batch.to_pylist():
                if row := wanted.get(found["position"]):
                    yield _Sketched(row, read_buckets(found["words"]), read_buckets(found["lines"]))


def _grouped(kept: Sequence[Candidate], values: Sequence[str]) -> _Groups:
    names = sorted(set(values))
    place = {name: number for number, name in enumerate(names)}
    of = {row.position: place[value] for row, value in zip(kept, values, strict=True)}
    counts = Counter(values)
    return _Groups(names, of, [counts[name] for name in names])


def _tally(staged: Path, kept: Sequence[Candidate], labels: _Groups, sources: _Groups, parts: Mapping[int, Part]) -> _Tally:
    """All that is counted of words and lines, in one pass."""
    tally = _Tally(
        lines=np.zeros(BUCKETS, dtype=np.int32),
        labels=np.zeros((len(labels.names), BUCKETS), dtype=np.int32),
        halves=np.zeros((2, len(sources.names), BUCKETS if len(sources.names) > 1 else 0), dtype=np.int32),
        sizes=np.zeros((2, len(sources.names)), dtype=np.int32),
    )
    for one in _sketches(staged, kept):
        position = one.row.position
        half, source = _half(parts[position]), sources.of[position]
        tally.lines[one.lines] += 1
        tally.labels[labels.of[position], one.words] += 1
        tally.sizes[half, source] += 1
        if len(sources.names) > 1:
            tally.halves[half, source, one.words] += 1
    return tally


def _half(part: Part) -> int:
    return part.fold % 2


def _judged(
    staged: Path, kept: Sequence[Candidate], tally: _Tally, parts: Mapping[int, Part]
) -> tuple[set[int], list[tuple[Candidate, int]]]:
    """The positions of boilerplate, and where there are sources to tell apart, the one that each row looks like.

    A row is judged by what the other half of the folds taught.
    """
    common = (tally.lines >= max(_COMMON_LINE_MAILS, _COMMON_LINE_SHARE * len(kept))).astype(np.int32)
    many = tally.halves.shape[-1] > 0
    odds = [leaks.log_odds(tally.halves[1 - half], tally.sizes[1 - half].tolist()) for half in (0, 1)] if many else []
    boilerplate: set[int] = set()
    guesses: list[tuple[Candidate, int]] = []
    for one in _sketches(staged, kept):
        if _share(one.lines, common) >= _BOILERPLATE_SHARE:
            boilerplate.add(one.row.position)
        if many:
            guesses.append((one.row, leaks.guess(one.words, odds[_half(parts[one.row.position])])))
    return boilerplate, guesses


def _share(lines: leaks.Buckets, common: leaks.Counts) -> float:
    return float(common[lines].mean()) if len(lines) else 0.0


def _contested(kept: Sequence[Candidate], alike: Mapping[str, str]) -> tuple[set[int], list[Finding]]:
    """Rows of campaigns whose mails do not agree on the label."""
    labels: dict[str, set[str]] = {}
    for row in kept:
        if row.row_id in alike:
            labels.setdefault(alike[row.row_id], set()).add(row.label)
    torn = [row for row in kept if len(labels.get(alike.get(row.row_id, ""), ())) > 1]
    if not torn:
        return set(), []
    campaigns_torn = sum(len(found) > 1 for found in labels.values())
    said = f"campaigns of near-duplicates with more than one label: {campaigns_torn}"
    return {row.position for row in torn}, [leaks.finding(CONTESTED, said, [row.origin for row in torn])]


def _placed(kept: Sequence[Candidate], parts: Mapping[int, Part], groups: Mapping[str, str]) -> Iterator[leaks.Placed]:
    return (
        leaks.Placed(row.origin, f"{parts[row.position].split} {parts[row.position].fold}", groups[row.row_id])
        for row in kept
        if row.row_id in groups
    )


def _telling(
    staged: Path, kept: Sequence[Candidate], groups: _Groups, counts: leaks.Counts, kind: str, thing: str
) -> Iterator[Finding]:
    """One finding a word that almost names a label or a source, with the rows that hold it."""
    told = leaks.telling_words(counts, groups.sizes)[:_MOST_NAMED_WORDS]
    holders = _holders(staged, kept, {one.bucket for one in told}) if told else {}
    for one in told:
        word, rows = holders[one.bucket]
        said = f"'{word}' almost names the {thing} '{groups.names[one.group]}': the two agree to {one.dice:.2f}"
        yield leaks.finding(kind, said, rows)


def _holders(staged: Path, kept: Sequence[Candidate], buckets: set[int]) -> dict[int, tuple[str, list[str]]]:
    """Bucket → its commonest word and the rows that hold it."""
    wanted = {row.position: row.origin for row in kept}
    words: dict[int, Counter[str]] = {bucket: Counter() for bucket in buckets}
    rows: dict[int, list[str]] = {bucket: [] for bucket in buckets}
    columns = ["position", "clean_subject", "clean_text", "clean_quoted"]
    with parquet.ParquetFile(staged) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            for position, *texts in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                for word in words_of(CleanEmail(*texts)) if position in wanted else ():
                    if (bucket := bucket_of(word)) in buckets:
                        words[bucket][word] += 1
                        rows[bucket].append(wanted[position])
    return {bucket: (words[bucket].most_common(1)[0][0], rows[bucket]) for bucket in buckets}
