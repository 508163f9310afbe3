"""Small folders as a build leaves them, and what they hold: enough for a version to be committed."""

from datetime import UTC, datetime
from pathlib import Path

from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, Split
from libs.common.stores.datasets import sha256_of


def folder_with(path: Path, content: bytes) -> Path:
    """A new folder with the files of a version, ``content`` in the place of its e-mails."""
    path.mkdir()
    (path / "emails.parquet").write_bytes(content)
    (path / "quarantine.parquet").write_bytes(b"none")
    return path


def draft_of(folder: Path) -> DatasetVersion:
    """What the folder holds; its digest is that of the e-mails."""
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir())}
    return DatasetVersion(
        name="",
        version="",
        digest=sha256_of(folder / "emails.parquet"),
        rows=1,
        classes={"spam": 1},
        splits={Split.TRAIN: 1},
        files=files,
        lineage=Lineage(sources=(), code_commit="none", config_digest="none"),
        quality=QualityReport(rows_read=1, rows_kept=1, quarantined={}, duplicates=0, score=1.0),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
