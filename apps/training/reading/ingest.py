"""Sources by URI → labelled e-mails, or rows to set aside with the reason. Faults of a whole source are found before any row.

synthetic://?n=2000&seed=1&drift=0.5 · a .parquet/.csv/.jsonl file · a folder of .eml/.txt · an mbox · a Maildir ·
a .zip or .tar.gz of these · s3://bucket/key of any of these · postgres://host/database, sqlite:////path: feedback with e-mail.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from apps.training.reading import archives, feedback, mailboxes, tables
from apps.training.reading.corpora import Quarantined, RawMail, Recipe, label_mail, recipe_for
from apps.training.reading.sources import Source
from apps.training.synthetic import generate
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError, StoreError

_WRITE = (
    "write synthetic://?n=2000, a .parquet, .csv or .jsonl file, a folder of .eml or .txt files, an mbox, a Maildir, "
    "a .zip or .tar.gz of these, or postgres://host/database"
)
_STRETCH_MAILS = 1000


class _RawStretch(Protocol):
    @property
    def mails(self) -> int | None: ...

    def read(self) -> Iterator[RawMail]: ...


@dataclass(frozen=True, slots=True)
class RecipeStretch:
    """Raw mails, labelled by a recipe."""

    raw: _RawStretch
    recipe: Recipe

    @property
    def mails(self) -> int | None:
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
    landing = landing / hashlib.sha256(uri.encode()).hexdigest()[:16]
    path = _local_path(uri, landing)
    if archives.is_archive(path):
        path = archives.open_archive(path, landing / "unpacked")
    chosen = recipe_for(str(path), recipe)
    if path.suffix in tables.SUFFIXES and path.is_file():
        _require_columns(path, chosen)
        raw: Sequence[_RawStretch] = tables.stretches_of(path)
    else:
        raw = mailboxes.stretches_of(path)
    if not raw:
        raise DataError(f"{uri} holds no e-mail", _WRITE)
    return Source(uri, mailboxes.digest_of(path), tuple(RecipeStretch(part, chosen) for part in raw))


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


def _local_path(uri: str, landing: Path) -> Path:
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        return _fetched(uri, landing)
    if parts.scheme not in ("", "file"):
        raise DataError(f"'{uri}' is no source that can be read", _WRITE)
    path = Path(unquote(parts.path) if parts.scheme else uri)
    if not path.exists():
        raise DataError(f"{path} does not exist", _WRITE)
    return path


def _fetched(uri: str, landing: Path) -> Path:
    from libs.common.stores.objects import fetch_folder, open_objects

    folder, _, name = uri.rstrip("/").rpartition("/")
    target = landing / "fetched" / name
    try:
        if not name.endswith((*tables.SUFFIXES, *mailboxes.MBOX_SUFFIXES, *archives.SUFFIXES)):
            return fetch_folder(uri, target)
        open_objects(folder).get_file(name, target)
    except StoreError as error:
        raise DataError(f"{uri} cannot be fetched: {error.message}", error.hint) from error
    return target


def _require_columns(path: Path, recipe: Recipe) -> None:
    there = tables.columns_of(path)
    if not there:
        raise DataError(f"{path} has no rows", _WRITE)
    listing = ", ".join(there)
    if missing := [name for name in recipe.needed_columns if name not in there]:
        hint = "name your columns in a recipe: see config/corpora/csv.yaml"
        raise DataError(f"{path}: there is no column '{missing[0]}', which the label comes from; there are {listing}", hint)
    if not any(recipe.column(field) in there for field in ("raw", "subject", "body")):
        raise DataError(f"{path}: no column holds a mail; there are {listing}", "map raw, subject or body in a recipe")
