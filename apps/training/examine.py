"""Looks at all kept rows together: campaigns, boilerplate, contested labels, leaks. Reads the staged file in batches.

The judgments are `near_duplicates` and `leaks`; memory holds counts of a fixed size and one entry a row, never a text.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pyarrow import parquet

from apps.training import leaks
from apps.training.flaws import BOILERPLATE, CONTESTED, NEAR_DUPLICATE
from apps.training.near_duplicates import campaigns
from apps.training.sketches import BUCKETS, bucket_of, read_buckets, words_of
from apps.training.split import Part
from apps.training.validate import Candidate
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
    common = _common_lines(staged, kept)
    contested, found = _contested(kept, alike)
    boilerplate = {one.row.position for one in _sketches(staged, kept) if _share(one.lines, common) >= _BOILERPLATE_SHARE}
    copies = {row.position for row in kept if alike.get(row.row_id, row.row_id) != row.row_id}
    together = ((copies, NEAR_DUPLICATE), (boilerplate, BOILERPLATE), (contested, CONTESTED))
    rows = tuple(
        replace(row, flaws=(*row.flaws, *(flaw for positions, flaw in together if row.position in positions))) for row in kept
    )
    findings = [
        *found,
        *leaks.torn(leaks.THREAD, _placed(kept, parts, threads)),
        *leaks.torn(leaks.CAMPAIGN, _placed(kept, parts, alike)),
        *_telling(staged, kept, [row.label for row in kept], leaks.TOKEN, "label"),
    ]
    if len(set(owners)) > 1:
        findings += _telling(staged, kept, owners, leaks.MARKER, "source")
        findings += _predictable(staged, kept, parts, owners)
    return Examined(rows, tuple(findings))


def _sketches(staged: Path, kept: Sequence[Candidate]) -> Iterator[_Sketched]:
    """The kept rows in the order of the file, with what was counted of them."""
    wanted = {row.position: row for row in kept}
    with parquet.ParquetFile(staged) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=["position", "words", "lines"]):
            for found in batch.to_pylist():
                if row := wanted.get(found["position"]):
                    yield _Sketched(row, read_buckets(found["words"]), read_buckets(found["lines"]))


def _common_lines(staged: Path, kept: Sequence[Candidate]) -> leaks.Counts:
    counts = np.zeros(BUCKETS, dtype=np.int32)
    for one in _sketches(staged, kept):
        counts[one.lines] += 1
    return (counts >= max(_COMMON_LINE_MAILS, _COMMON_LINE_SHARE * len(kept))).astype(np.int32)


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


def _counted(staged: Path, kept: Sequence[Candidate], group_of: Mapping[int, int], groups: int) -> leaks.Counts:
    """(groups, buckets) mails that hold a word; rows whose group is absent do not count."""
    counts = np.zeros((groups, BUCKETS), dtype=np.int32)
    for one in _sketches(staged, kept):
        if (group := group_of.get(one.row.position)) is not None:
            counts[group, one.words] += 1
    return counts


def _telling(staged: Path, kept: Sequence[Candidate], owners: Sequence[str], kind: str, thing: str) -> Iterator[Finding]:
    """One finding a word that almost names a label or a source, with the rows that hold it."""
    names = sorted(set(owners))
    group_of = {row.position: names.index(owner) for row, owner in zip(kept, owners, strict=True)}
    sizes = [Counter(owners)[name] for name in names]
    told = leaks.telling_words(_counted(staged, kept, group_of, len(names)), sizes)[:_MOST_NAMED_WORDS]
    holders = _holders(staged, kept, {one.bucket for one in told}) if told else {}
    for one in told:
        word, rows = holders[one.bucket]
        said = f"'{word}' almost names the {thing} '{names[one.group]}': the two agree to {one.dice:.2f}"
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


def _predictable(
    staged: Path, kept: Sequence[Candidate], parts: Mapping[int, Part], owners: Sequence[str]
) -> Iterator[Finding]:
    """Whether sources can be told apart, judged on half of the folds by what the other half taught."""
    names = sorted(set(owners))
    owner = {row.position: names.index(name) for row, name in zip(kept, owners, strict=True)}
    half = {row.position: parts[row.position].fold % 2 for row in kept}
    odds: list[leaks.Odds] = []
    for side in (0, 1):
        taught = {position: group for position, group in owner.items() if half[position] != side}
        sizes = [Counter(taught.values())[group] for group in range(len(names))]
        odds.append(leaks.log_odds(_counted(staged, kept, taught, len(names)), sizes))
    guesses = [
        (one.row.origin, names[owner[one.row.position]], names[leaks.guess(one.words, odds[half[one.row.position]])])
        for one in _sketches(staged, kept)
    ]
    yield from leaks.predictable_sources(guesses, names)
