"""Sources → a committed DatasetVersion: ingest, clean, validate, deduplicate, split, write, commit. Whole or not at all."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pyarrow as pa
from pyarrow import parquet

from apps.training.datasets import report
from apps.training.datasets.contents import Contents, write_contents
from apps.training.datasets.corrections import Answers, corrected
from apps.training.datasets.examine import campaigns_of, examine
from apps.training.datasets.lineage import LINEAGE, lineage_text
from apps.training.datasets.reference import Reference, compare, reference_of
from apps.training.datasets.rows import CLEANED, TABLE
from apps.training.datasets.split import Order, Part, SplitRow, split_rows, thread_groups
from apps.training.datasets.validate import Candidate, quality_report, reasons_to_set_aside
from apps.training.provenance import Stamp
from apps.training.reading.feedback import FEEDBACK_URI, feedback_source
from apps.training.reading.ingest import open_source
from apps.training.reading.sources import Source
from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, SourceRef, Split
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.triage import Feedback
from libs.common.domain.value import Value
from libs.common.errors import DataError
from libs.common.features.mime import bare_subject
from libs.common.pages import write_page
from libs.common.stores.datasets import MANIFEST, DatasetStore, sha256_of

_ORDERS = ("random", "time")


class BuildRequest(Value):
    """What to build: ``holdout`` a share in 0…1, ``order`` random or time; ``relabel`` renames, merges or swaps labels."""

    name: str
    sources: tuple[str, ...]
    recipe: str | None = None
    seed: int = 0
    order: str = "random"
    relabel: dict[str, str] = {}
    holdout: float = 0.2
    folds: int = 5
    min_quality: float = 0.6
    drift_threshold: float = 0.1


def build_dataset(
    request: BuildRequest,
    store: DatasetStore,
    stamp: Stamp,
    feedback: Sequence[Feedback] = (),
    answers: Answers = lambda _: {},
    watch: Watch = unwatched,
) -> DatasetVersion:
    """Build and commit the next version on the connected Ray; DataError where the sources can't give one.

    ``answers`` looks up what models answered to the requests that users corrected; ``watch`` is told how far the reading is.
    """
    began = time.monotonic()

    def beside(version: DatasetVersion) -> dict[str, str]:
        return {LINEAGE: lineage_text(version, stamp.at + timedelta(seconds=time.monotonic() - began))}

    with (
        reference_of(store, request.name) as reference,
        drafted(request, stamp, reference, feedback, answers, watch) as (folder, draft),
    ):
        return store.commit(request.name, folder, draft, beside)


@contextmanager
def drafted(
    request: BuildRequest,
    stamp: Stamp,
    reference: Reference | None,
    feedback: Sequence[Feedback] = (),
    answers: Answers = lambda _: {},
    watch: Watch = unwatched,
) -> Generator[tuple[Path, DatasetVersion]]:
    """The folder of a version and what it holds, before it has a number; the folder is gone after the block.

    It is compared with ``reference``, the version before.
    """
    _check(request, feedback)
    with tempfile.TemporaryDirectory(prefix="triage-build-") as scratch:
        landing, staged, folder = Path(scratch) / "fetched", Path(scratch) / "staged.parquet", Path(scratch) / "version"
        sources = _open_sources(request, feedback, landing)
        rows = _stage(sources, staged, request.relabel, watch)
        reasons = reasons_to_set_aside(rows, smallest_class=request.folds + 1)
        kept = [row for row in rows if row.position not in reasons]
        _require_classes(kept, reasons)
        threads, alike = _threads(kept), campaigns_of(kept)
        parts = _split(kept, threads, alike, request)
        examined = examine(staged, kept, parts, threads, alike, _owners(kept, sources))
        folder.mkdir()
        drifted = compare(reference, staged, _places(rows, kept), folder, request.drift_threshold) if reference else []
        corrections = [given for source in sources for given in source.corrections]
        told = (*examined.findings, *drifted, *corrected(corrections, answers(corrections)))
        quality = quality_report(rows, examined.rows, reasons, told)
        _require_quality(quality, request.min_quality)
        lineage = Lineage(
            sources=_references(sources, Counter(_owners(rows, sources))),
            code_commit=stamp.code_commit,
            config_digest=stamp.config_digest,
            parent=reference.tag if reference else None,
            recipe=request.recipe,
            relabel=request.relabel,
            order=request.order,
            seed=request.seed,
            holdout=request.holdout,
            folds=request.folds,
        )
        write_page(folder / report.PAGE, report.dataset_page(request.name, examined.rows, parts, quality, lineage))
        contents = write_contents(staged, folder, examined.rows, parts, reasons, quality)
        yield folder, _draft(request.name, kept, parts, contents, quality, lineage, stamp.at)


def read_relabel(written: Iterable[str]) -> dict[str, str]:
    """``OLD=NEW`` pairs; DataError for anything else."""
    renamed: dict[str, str] = {}
    for text in written:
        old, _, new = text.partition("=")
        if not (old and new):
            raise DataError(f"--relabel: found '{text}'", "write OLD=NEW, e.g. --relabel junk=spam")
        renamed[old] = new
    return renamed


def read_dataset(folder: Path) -> pa.Table:
    """The rows of a checked-out version (columns: ``rows.DATASET``); DataError names a file whose bytes were changed."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise DataError(f"{folder} holds no dataset: {MANIFEST} is missing", "check one out: triage dataset checkout")
    version = DatasetVersion.model_validate_json(manifest.read_text("utf-8"))
    for name, digest in version.files.items():
        if not (folder / name).is_file() or sha256_of(folder / name) != digest:
            raise DataError(f"{folder / name} is not as {version.tag} was committed", "check the version out again")
    return parquet.read_table(folder / TABLE)


def _check(request: BuildRequest, feedback: Sequence[Feedback]) -> None:
    if not request.sources and not feedback:
        raise DataError("no source is given", "write --source synthetic://?n=2000, or the path of a corpus")
    if twice := [uri for uri, times in Counter(request.sources).items() if times > 1]:
        raise DataError(f"the source {twice[0]} is given twice", "name each source once")
    if request.order not in _ORDERS:
        raise DataError(f"the order '{request.order}' is unknown", "write random or time")
    if not 0 < request.holdout < 1 or request.folds < 2:
        found = f"holdout is {request.holdout:g} and folds is {request.folds}"
        raise DataError(found, "write a holdout between 0 and 1, e.g. 0.2, and at least 2 folds")


def _open_sources(request: BuildRequest, feedback: Sequence[Feedback], landing: Path) -> list[Source]:
    opened = [open_source(uri, request.recipe, landing) for uri in request.sources]
    corrections = feedback_source(feedback)
    sources = [*opened, corrections] if corrections.stretches else opened
    if not any(source.stretches for source in sources):
        raise DataError(f"{', '.join(request.sources)}: no feedback carries its e-mail yet", "add another --source")
    return sources


def _stage(sources: Sequence[Source], staged: Path, relabel: dict[str, str], watch: Watch) -> list[Candidate]:
    """Write the cleaned rows to one file as they come, and keep in memory only what is judged about them."""
    from apps.training.datasets.stream import stream_rows

    rows: list[Candidate] = []
    seen: set[str] = set()
    with parquet.ParquetWriter(staged, CLEANED) as writer:
        for table in stream_rows(sources, watch):
            seen.update(table.column("label").to_pylist())
            table = rename_labels(table, relabel)
            writer.write_table(table)
            rows.extend(candidates_of(table))
    if unknown := sorted(set(relabel) - seen):
        there = ", ".join(sorted(seen - {""}))
        raise DataError(f"relabel names '{unknown[0]}', which no mail is labelled", f"the labels are {there}")
    return rows


def rename_labels(table: pa.Table, relabel: dict[str, str]) -> pa.Table:
    """The rows under their new labels; what users said of a model's answers is in the new ones already."""
    sources, labels = table.column("source").to_pylist(), table.column("label").to_pylist()
    renamed = [
        label if source.startswith(FEEDBACK_URI) else relabel.get(label, label)
        for source, label in zip(sources, labels, strict=True)
    ]
    return table.set_column(table.schema.get_field_index("label"), CLEANED.field("label"), pa.array(renamed, pa.string()))


def candidates_of(table: pa.Table) -> Iterator[Candidate]:
    """What is kept in memory of the rows of ``CLEANED`` while a version is built; what many share is kept once."""
    names = ("position", "row_id", "label", "message_id", "thread_id", "sent_at", "reason", "flaws", "signature")
    subjects, texts, quoted = (table.column(f"clean_{name}").to_pylist() for name in ("subject", "text", "quoted"))
    columns = [table.column(name).to_pylist() for name in names]
    origins = table.column("source").to_pylist()
    for subject, text, quote, origin, *values in zip(subjects, texts, quoted, origins, *columns, strict=True):
        fields = dict(zip(names, values, strict=True))
        flaws = tuple(map(sys.intern, fields.pop("flaws")))
        fields["label"] = sys.intern(fields["label"])
        chars = len(subject) + len(text) + len(quote)
        corrected = origin.startswith(FEEDBACK_URI)
        yield Candidate(subject=subject, text_chars=chars, corrected=corrected, origin=origin, flaws=flaws, **fields)


def _require_classes(kept: Sequence[Candidate], reasons: Mapping[int, str]) -> None:
    labels = sorted({row.label for row in kept})
    if not kept:
        (worst, _), *_ = Counter(reasons.values()).most_common(1) or [("the sources are empty", 0)]
        raise DataError(f"none of {len(reasons)} mails can be used; most often: {worst}", "correct the source or its recipe")
    if len(labels) < 2:
        found = f"all {len(kept)} usable mails are labelled '{labels[0]}'"
        raise DataError(
            f"the corpus has one class: {found}", "add mails of another label; one class can't be told from anything"
        )


def _require_quality(quality: QualityReport, least: float) -> None:
    if quality.score < least:
        found = [*(f"{count} mails: {flaw}" for flaw, count in quality.flaws.items()), *map(str, quality.findings)]
        score = f"the quality score is {quality.score:.2f}, at least {least:.2f} is asked"
        raise DataError(f"{score}: {'; '.join(found)}", "correct the source")


def _threads(kept: Sequence[Candidate]) -> dict[str, str]:
    """Row id → its thread: rows that name each other, or that answer a subject."""
    by_subject = {row.thread_id for row in kept if row.thread_id.startswith("subject:")}

    def names(row: Candidate) -> list[str]:
        subject = f"subject:{bare_subject(row.subject)}"
        return [name for name in (row.message_id, row.thread_id, subject if subject in by_subject else "") if name]

    return thread_groups((row.row_id, names(row)) for row in kept)


def _split(
    kept: Sequence[Candidate], threads: Mapping[str, str], alike: Mapping[str, str], request: BuildRequest
) -> dict[int, Part]:
    """Position → part; what is one thread or one campaign stays together."""
    whole = thread_groups((row.row_id, (threads[row.row_id], alike.get(row.row_id, row.row_id))) for row in kept)
    rows = [SplitRow(row.row_id, row.label, whole[row.row_id], row.sent_at) for row in kept]
    parts = split_rows(rows, request.holdout, request.folds, request.seed, cast(Order, request.order))
    if not any(part.split is Split.HOLDOUT for part in parts.values()):
        raise DataError("nothing can be held out: no mail has a date", "build with order random")
    return {row.position: parts[row.row_id] for row in kept}


def _places(rows: Sequence[Candidate], kept: Sequence[Candidate]) -> list[int]:
    """Where the kept rows stand in the staged file."""
    place = {row.position: number for number, row in enumerate(rows)}
    return [place[row.position] for row in kept]


def _owners(rows: Sequence[Candidate], sources: Sequence[Source]) -> list[str]:
    """The URI of the source that each row came from."""
    from apps.training.datasets.stream import stretch_of

    owner = [source.uri for source in sources for _ in source.stretches]
    return [owner[stretch_of(row.position)] for row in rows]


def _references(sources: Sequence[Source], rows: Mapping[str, int]) -> tuple[SourceRef, ...]:
    return tuple(SourceRef(uri=source.uri, digest=source.digest, rows=rows.get(source.uri, 0)) for source in sources)


def _draft(
    name: str,
    kept: Sequence[Candidate],
    parts: dict[int, Part],
    contents: Contents,
    quality: QualityReport,
    lineage: Lineage,
    now: datetime,
) -> DatasetVersion:
    """The version without its number, which the store gives."""
    splits = Counter(part.split for part in parts.values())
    return DatasetVersion(
        name=name,
        version="",
        digest=contents.digest,
        rows=len(kept),
        classes=dict(sorted(Counter(row.label for row in kept).items())),
        splits={split: splits[split] for split in Split},
        files=contents.files,
        lineage=lineage,
        quality=quality,
        created_at=now,
    )
