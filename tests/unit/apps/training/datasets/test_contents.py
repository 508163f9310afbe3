"""The digest of a version is of its content: not of the order, the place or the time."""

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from apps.training.datasets.contents import Contents, write_contents
from apps.training.datasets.flaws import FLAWS, quality_of
from apps.training.datasets.preprocess import clean_rows
from apps.training.datasets.rows import DATASET, ingested_row, ingested_table
from apps.training.datasets.split import Part
from apps.training.datasets.validate import Candidate
from libs.common.domain.dataset import QualityReport, Split
from libs.common.domain.triage import Email, LabelledEmail

QUALITY = QualityReport(rows_read=4, rows_kept=3, quarantined={"bad": 1}, duplicates=0, score=1.0)
PARTS = {0: Part(Split.TRAIN, 0), 1: Part(Split.TRAIN, 1), 2: Part(Split.HOLDOUT, -1)}


def staged(path: Path, source: str = "file") -> pa.Table:
    mails = [LabelledEmail(Email(f"m{n}", "a@b", f"subject {n}", "body"), "x", f"{source}#{n}") for n in range(4)]
    table = clean_rows(ingested_table([ingested_row(n, mail) for n, mail in enumerate(mails)]))
    parquet.write_table(table, path)
    return table


def written(tmp_path: Path, name: str, parts: dict[int, Part] = PARTS) -> Contents:
    (tmp_path / name).mkdir()
    rows = [Candidate(n, f"{n:064x}", "x", f"m{n}", f"m{n}", "s", 10, flaws=FLAWS[:n]) for n in parts]
    return write_contents(tmp_path / "staged.parquet", tmp_path / name, rows, parts, {3: "bad"}, QUALITY)


def test_kept_rows_and_quarantined_rows_go_to_their_files(tmp_path: Path) -> None:
    staged(tmp_path / "staged.parquet")
    contents = written(tmp_path, "v")
    emails, quarantine = (parquet.read_table(tmp_path / "v" / f"{name}.parquet") for name in ("emails", "quarantine"))
    assert emails.schema.equals(DATASET)
    assert emails.select(["message_id", "flaws", "quality", "split", "fold"]).to_pylist() == [
        {"message_id": "m0", "flaws": [], "quality": 1.0, "split": "train", "fold": 0},
        {"message_id": "m1", "flaws": list(FLAWS[:1]), "quality": quality_of(1), "split": "train", "fold": 1},
        {"message_id": "m2", "flaws": list(FLAWS[:2]), "quality": quality_of(2), "split": "holdout", "fold": -1},
    ]
    assert quarantine.select(["source", "reason"]).to_pylist() == [{"source": "file#3", "reason": "bad"}]
    assert sorted(contents.files) == ["emails.parquet", "quality.json", "quarantine.parquet"]


def test_order_and_place_leave_the_digest_alone(tmp_path: Path) -> None:
    table = staged(tmp_path / "staged.parquet")
    before = written(tmp_path, "one").digest
    parquet.write_table(table.take([3, 1, 0, 2]), tmp_path / "staged.parquet")
    assert written(tmp_path, "two").digest == before
    staged(tmp_path / "staged.parquet", source="elsewhere")
    assert written(tmp_path, "three").digest == before


def test_another_split_is_another_digest(tmp_path: Path) -> None:
    staged(tmp_path / "staged.parquet")
    moved = {**PARTS, 0: Part(Split.TRAIN, 1)}
    assert written(tmp_path, "one").digest != written(tmp_path, "two", moved).digest
