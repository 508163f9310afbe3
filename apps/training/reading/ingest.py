"""Sources by URI → labelled e-mails, or rows to set aside with the reason. Faults of a whole source are found before any row.

synthetic://?n=2000&seed=1&drift=0.5 · a .parquet/.csv/.jsonl file · a folder of .eml/.txt · an mbox · a Maildir ·
a .zip or .tar.gz of these · s3://bucket/key of any of these · postgres://host/database, sqlite:////path: feedback with e-mail.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from apps.training.reading import feedback
from apps.training.reading.corpora import Quarantined, Recipe, label_mail, recipe_for
from apps.training.reading.sources import Source
from apps.training.synthetic import generate
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.sources.raw_mail import RawStretch
from libs.common.sources.raw_source import KINDS, RawSource, find_source

_WRITE = f"write synthetic://?n=2000, {KINDS}, or postgres://host/database"
_STRETCH_MAILS = 1000


@dataclass(frozen=True, slots=True)
class RecipeStretch:
    """Raw mails, labelled by a recipe."""

    raw: RawStretch
    recipe: Recipe

    @property
    def mails(self) -> int:
        """As many as there are raw ones: what is set aside is counted too."""
        return self.raw.mails

    def read(self) -> Iterator[LabelledEmail | Quarantined]:
        """Each mail labelled, or set aside."""
        return (label_mail(mail, self.recipe) for mail in self.raw.read())


@dataclass(frozen=True, slots=True)
class SyntheticStretch:
    """Mails ``start`` to ``start + n`` of a synthetic mailbox."""

    n: int
    seed: int
    drift: float
    start: int

    @property
    def mails(self) -> int:
        """As many as were asked for."""
        return self.n

    def read(self) -> Iterator[LabelledEmail | Quarantined]:
        """The generated mails."""
        return generate(self.n, seed=self.seed, drift=self.drift, start=self.start)


def open_source(uri: str, recipe: str | None, landing: Path) -> Source:
    """Find a source and look at it; DataError where it can't be used.

    ``landing`` receives what must be fetched or unpacked first. The digest of an archive is that of the mail in it: packed
    again it has other bytes and says the same.
    """
    if uri.startswith("synthetic:"):
        return _synthetic(uri)
    if feedback.is_records(uri):
        return feedback.stored_feedback(uri)
    if urlsplit(uri).scheme not in ("", "file", "s3"):
        raise DataError(f"'{uri}' is no source that can be read", _WRITE)
    found = find_source(uri, landing)
    chosen = recipe_for(str(found.path), recipe)
    _require_label(found, chosen)
    found.require_mail(chosen.column)
    return Source(uri, found.digest, tuple(RecipeStretch(part, chosen) for part in found.stretches))


def _synthetic(uri: str) -> Source:
    found = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
    n, seed = _number(uri, found.pop("n", "2000"), "n"), _number(uri, found.pop("seed", "0"), "seed")
    drift = _number(uri, found.pop("drift", "0"), "drift")
    if found or n < 1 or not 0 <= drift <= 1:
        wrong = f"unknown '{next(iter(found))}'" if found else f"n={n:g}, drift={drift:g}"
        raise DataError(f"{uri}: {wrong}", "write synthetic://?n=2000&seed=1&drift=0.5 with n ≥ 1 and drift in 0…1")
    count, chosen = int(n), int(seed)
    starts = range(0, count, _STRETCH_MAILS)
    parts = tuple(SyntheticStretch(min(_STRETCH_MAILS, count - start), chosen, drift, start) for start in starts)
    canonical = f"synthetic://?n={count}&seed={chosen}&drift={drift:g}"
    return Source(uri, hashlib.sha256(canonical.encode()).hexdigest(), parts)


def _number(uri: str, text: str, name: str) -> float:
    try:
        return float(text) if name == "drift" else int(text)
    except ValueError as error:
        raise DataError(f"{uri}: {name} is '{text}'", "write synthetic://?n=2000&seed=1&drift=0.5") from error


def _require_label(found: RawSource, recipe: Recipe) -> None:
    there = found.columns
    if there is not None and (missing := [name for name in recipe.needed_columns if name not in there]):
        said = f"{found.path}: there is no column '{missing[0]}', which the label comes from; there are {', '.join(there)}"
        raise DataError(said, "name your columns in a recipe: see config/corpora/csv.yaml")
