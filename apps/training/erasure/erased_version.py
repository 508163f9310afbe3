"""The files of a dataset version once somebody is forgotten: each is written anew where it changes, batch by batch."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from apps.training.datasets.contents import digest_of, row_digest
from apps.training.datasets.rows import TABLE
from apps.training.erasure.erasure import erase, quality_after
from apps.training.erasure.traces import Row, Traces
from libs.common.domain.dataset import DatasetVersion, QualityReport, Split, Tombstone
from libs.common.stores.datasets import sha256_of

EMAILS, QUARANTINE, QUALITY = TABLE, "quarantine.parquet", "quality.json"
_BATCH_ROWS = 1000
_TRACED = ("message_id", "thread_id", "sender", "sent_at", "subject", "clean_text", "body", "is_html")


@dataclass
class Tally:
    """What was found in one table: rows that went, by the reason that set them aside, rows that changed, what is left."""

    gone: Counter[str] = field(default_factory=Counter[str])
    rewritten: int = 0
    classes: Counter[str] = field(default_factory=Counter[str])
    splits: Counter[str] = field(default_factory=Counter[str])
    digests: list[bytes] = field(default_factory=list[bytes])

    @property
    def touched(self) -> int:
        """Rows that went or changed."""
        return self.gone.total() + self.rewritten


def traced_rows(path: Path) -> Iterator[Row]:
    """The rows of a table, with what `gather` looks at."""
    with parquet.ParquetFile(path) as file:
        columns = [name for name in _TRACED if name in file.schema_arrow.names]
        # The text as it was cleaned is in the e-mails' table; only what was set aside has to be read as it came.
        columns = [name for name in columns if "clean_text" not in columns or name not in ("body", "is_html")]
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            yield from batch.to_pylist()


def erased_version(
    version: DatasetVersion, files: Mapping[str, Path], folder: Path, traces: Traces, stone: Tombstone
) -> tuple[DatasetVersion, dict[str, Path]]:
    """The version and those of its ``files`` that change, written into the new ``folder``; the same version where none does.

    ``stone`` lacks its counts. A version whose content is lost has no files: only its manifest changes.
    """
    folder.mkdir()
    tallies = {name: _erase_table(files[name], folder / name, traces) for name in (EMAILS, QUARANTINE) if name in files}
    emails, quarantine = tallies.get(EMAILS, Tally()), tallies.get(QUARANTINE, Tally())
    left = DatasetVersion.model_validate(traces.everywhere(version.model_dump(mode="json")))
    quality = quality_after(left.quality, emails.gone.total(), quarantine.gone)
    for name in sorted(files.keys() - {EMAILS, QUARANTINE}):
        recounted = quality if name == QUALITY and quality != version.quality else None
        if (text := _erase_text(files[name], recounted, traces)) is not None:
            (folder / name).write_text(text, "utf-8")
    written = {path.name: path for path in sorted(folder.iterdir())}
    if not written and left == version:
        return version, {}
    counted = {"rows": emails.gone.total(), "rewritten": emails.rewritten, "quarantined": quarantine.touched}
    changes: dict[str, Any] = {
        "files": version.files | {name: sha256_of(path) for name, path in written.items()},
        "quality": quality,
        "erased": (*left.erased, stone.model_copy(update=counted | {"digest": version.digest})),
    }
    return left.model_copy(update=changes | (_facts(emails) if EMAILS in written else {})), written


def _facts(emails: Tally) -> dict[str, Any]:
    return {
        "digest": digest_of(emails.digests),
        "rows": emails.classes.total(),
        "classes": dict(sorted(emails.classes.items())),
        "splits": {split: emails.splits[split] for split in Split},
    }


def _erase_table(source: Path, target: Path, traces: Traces) -> Tally:
    """Write what is left of a table; there is no ``target`` where that is all of it."""
    tally = Tally()
    with parquet.ParquetFile(source) as file, parquet.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            erased = erase(pa.Table.from_batches([batch]), traces)
            tally.gone.update(str(row.get("reason") or "") for row in erased.gone)
            tally.rewritten += erased.rewritten
            writer.write_table(erased.table)
            if "split" in erased.table.column_names:
                _count(tally, erased.table.to_pylist())
    if not tally.touched:
        target.unlink()
    return tally


def _count(tally: Tally, rows: Sequence[Row]) -> None:
    tally.classes.update(str(row["label"]) for row in rows)
    tally.splits.update(str(row["split"]) for row in rows)
    tally.digests.extend(row_digest(row) for row in rows)


def _erase_text(path: Path, recounted: QualityReport | None, traces: Traces) -> str | None:
    """What a report says once somebody is forgotten; None where it says the same, or is no text."""
    if recounted:
        return recounted.model_dump_json(indent=2) + "\n"
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return None
    left = _erase_json(text, traces)
    return None if left == text else left


def _erase_json(text: str, traces: Traces) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return traces.phrases.of(text, is_html=True).taken_out(traces.plain(text), is_html=True)
    left = traces.everywhere(document)
    return text if left == document else json.dumps(left, indent=2, ensure_ascii=False) + "\n"
