"""What an offline run consists of, and whether an earlier one may be gone on with. Pure."""

import re
from collections.abc import Iterable, Sequence
from functools import reduce

from libs.common.domain.batch import Headway
from libs.common.domain.value import Value
from libs.common.errors import DataError
from libs.common.sources.raw_mail import MailField

FORMAT = 1
# Readers of Parquet folders (pyarrow, pandas, Spark) pass over names that begin with an underscore: the parts are one table.
MANIFEST, PARTS = "_manifest.json", "_parts.json"
_PART = re.compile(r"part-(\d{6,})\.parquet")


class Manifest(Value):
    """What the parts of one folder were made of; only where all of it is the same may a run add to them.

    ``parts`` is how many e-mails each part reads, ``columns`` what a table calls our fields, ``batch_size`` how many e-mails
    the engine got at once. A change of what a part holds raises FORMAT.
    """

    format: int = FORMAT
    source: str
    source_digest: str
    columns: dict[MailField, str]
    batch_size: int
    model: str
    version: str
    model_digest: str
    labels: tuple[str, ...]
    parts: tuple[int, ...]


class Tally(Value):
    """What came of one part: e-mails by label, how many were set aside, and the SHA-256 and size of its file."""

    part: int
    labels: dict[str, int]
    quarantined: int
    digest: str
    size_bytes: int

    @property
    def mails(self) -> int:
        """All that the part read."""
        return sum(self.labels.values()) + self.quarantined


class PartList(Value):
    """Every part of a finished run, in order."""

    parts: tuple[Tally, ...]


def part_name(number: int) -> str:
    """The file of a part; by name they sort as their e-mails stand in the source."""
    return f"part-{number:06d}.parquet"


def quarantine_name(number: int) -> str:
    """The file of what a part set aside; there is none where it set nothing aside."""
    return f"_quarantine/{part_name(number)}"


def parts_among(names: Iterable[str]) -> frozenset[int]:
    """The numbers of the parts whose files are among ``names``: these are whole, since a file gets its name last."""
    return frozenset(int(found[1]) for name in names if (found := _PART.fullmatch(name)))


def require_same(wanted: Manifest, there: Manifest, out: str) -> None:
    """DataError where what lies in ``out`` comes of another source, model or way of reading; it says which, and what to do."""
    differing = [name for name in Manifest.model_fields if getattr(wanted, name) != getattr(there, name)]
    if not differing:
        return
    name = differing[0]
    if name == "parts":
        said = f"the source cut into {len(there.parts)} parts, by another release of triage"
    else:
        said = f"{name} {_shown(getattr(there, name))}, not {_shown(getattr(wanted, name))}"
    hint = f"name another --out; or go on with what lies there: {there.source} --model {there.model} --version {there.version}"
    raise DataError(f"{out} holds the triage of {said}", hint)


def headway_of(manifest: Manifest, tallies: Iterable[Tally]) -> Headway:
    """How far a run is, whose parts so far are ``tallies``."""
    return reduce(further, tallies, Headway(parts=len(manifest.parts), mails=sum(manifest.parts)))


def further(headway: Headway, tally: Tally) -> Headway:
    """One more part is done."""
    done = {
        "parts_done": headway.parts_done + 1,
        "mails_done": headway.mails_done + tally.mails,
        "quarantined": headway.quarantined + tally.quarantined,
    }
    return headway.model_copy(update=done)


def pending(manifest: Manifest, done: frozenset[int]) -> Sequence[int]:
    """The parts that are still to be made, in order; DataError where ``done`` names one that the plan has not."""
    if alien := sorted(done - frozenset(range(len(manifest.parts)))):
        raise DataError(f"{part_name(alien[0])} belongs to no part of {manifest.source}", "name another --out")
    return [number for number in range(len(manifest.parts)) if number not in done]


def _shown(value: object) -> str:
    return ", ".join(f"{name}={column}" for name, column in value.items()) or "none" if isinstance(value, dict) else str(value)
