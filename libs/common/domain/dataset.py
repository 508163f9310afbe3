"""A dataset version: what is in it, how good it is, and where every row came from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from libs.common.domain.value import Value
from libs.common.errors import DataError


class Split(StrEnum):
    """Which part of a version a row belongs to; the holdout is never trained or tuned on."""

    TRAIN = "train"
    HOLDOUT = "holdout"


class SourceRef(Value):
    """One source that went into a version: its URI, the SHA-256 of what was read, and the rows it gave."""

    uri: str
    digest: str
    rows: int


class Lineage(Value):
    """Everything needed to build the same version again."""

    sources: tuple[SourceRef, ...]
    code_commit: str
    config_digest: str
    parent: str | None = None
    recipe: str | None = None
    relabel: dict[str, str] = {}
    order: str = "random"
    seed: int = 0
    holdout: float = 0.2
    folds: int = 5


class Finding(Value):
    """Something that a person should know of a version: what is wrong, how many rows show it, and the first of their names."""

    kind: str
    said: str
    count: int = 0
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.said} ({', '.join(self.rows[:3])}{', …' if self.count > 3 else ''})" if self.rows else self.said


class QualityReport(Value):
    """How good the rows are: counts of what was kept and why the rest was set aside, a score in 0…1, and what was found.

    ``flaws`` counts kept rows by what lowers their quality.
    """

    rows_read: int
    rows_kept: int
    quarantined: dict[str, int]
    duplicates: int
    score: float
    flaws: dict[str, int] = {}
    findings: tuple[Finding, ...] = ()


class Tombstone(Value):
    """What a version remembers of an erasure: never whom it concerned, only what the same request comes to again.

    ``subject`` is the keyed digest of the address or message id (ADR 26), ``digest`` the digest the version had before. Of
    its e-mails ``rows`` were removed and ``rewritten`` changed; ``quarantined`` counts both among what was set aside.
    """

    at: datetime
    by: str
    reason: str
    subject: str
    digest: str
    rows: int
    rewritten: int
    quarantined: int


class DatasetVersion(Value):
    """A committed dataset: ``digest`` is the SHA-256 of its content, independent of where and when it was built.

    ``files`` maps each file of the version to its SHA-256; ``classes`` counts rows by label, ``splits`` by split;
    ``erased`` holds one tombstone an erasure that changed the version, oldest first.
    """

    name: str
    version: str
    digest: str
    rows: int
    classes: dict[str, int]
    splits: dict[Split, int]
    files: dict[str, str]
    lineage: Lineage
    quality: QualityReport
    created_at: datetime
    erased: tuple[Tombstone, ...] = ()

    @property
    def tag(self) -> str:
        """The git tag of the data workspace that holds this version."""
        return f"{self.name}/v{self.version}"


def surplus(versions: Sequence[DatasetVersion], keep: int, in_use: Collection[str]) -> tuple[DatasetVersion, ...]:
    """Which of one dataset's versions, oldest first, may go: not among the newest ``keep``, and no model stands on them.

    ``in_use`` holds the tags of the versions that models were trained on; DataError where none would be kept.
    """
    if keep < 1:
        raise DataError(f"--keep is {keep}", "keep at least the latest version of each dataset: --keep 1")
    return tuple(version for version in versions[:-keep] if version.tag not in in_use)
