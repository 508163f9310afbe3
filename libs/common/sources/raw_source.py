"""A source by its URI: found, fetched and unpacked where need be, and looked at. Faults of the whole are found before any mail.

A .parquet/.csv/.jsonl file · a folder of .eml/.txt · an mbox · a Maildir · a .zip or .tar.gz of these · s3://bucket/key of any.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from libs.common.errors import DataError, StoreError
from libs.common.sources import archives, mailboxes, tables
from libs.common.sources.raw_mail import MailField, Names, RawStretch

KINDS = "a .parquet, .csv or .jsonl file, a folder of .eml or .txt files, an mbox, a Maildir, a .zip or .tar.gz of these"
_WRITE = f"write {KINDS}, here or at s3://bucket/key"
_MAIL_FIELDS: tuple[MailField, ...] = ("raw", "subject", "body")


@dataclass(frozen=True)
class RawSource:
    """A source that was found: its address, where it lies on this machine, and its columns, where it is a table."""

    uri: str
    path: Path
    columns: tuple[str, ...] | None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it holds; an archive's is that of the mail in it, since packed again it has other bytes."""
        return mailboxes.digest_of(self.path)

    @cached_property
    def stretches(self) -> tuple[RawStretch, ...]:
        """The parts that tasks read side by side; DataError where there is no mail."""
        table = self.columns is not None
        found: Sequence[RawStretch] = tables.stretches_of(self.path) if table else mailboxes.stretches_of(self.path)
        if not found:
            raise DataError(f"{self.uri} holds no e-mail", _WRITE)
        return tuple(found)

    def require_mail(self, names: Names) -> None:
        """DataError where it is a table in which no column holds a mail."""
        if self.columns is not None and not any(names(field) in self.columns for field in _MAIL_FIELDS):
            listing = ", ".join(self.columns)
            raise DataError(f"{self.path}: no column holds a mail; there are {listing}", "say which is raw, subject or body")


def find_source(uri: str, landing: Path) -> RawSource:
    """Find a source; DataError where there is none. ``landing`` receives what must be fetched or unpacked first."""
    landing = landing / hashlib.sha256(uri.encode()).hexdigest()[:16]
    path = _local_path(uri, landing)
    if archives.is_archive(path):
        path = archives.open_archive(path, landing / "unpacked")
    if path.suffix not in tables.SUFFIXES or not path.is_file():
        return RawSource(uri, path, None)
    columns = tables.columns_of(path)
    if not columns:
        raise DataError(f"{path} has no rows", _WRITE)
    return RawSource(uri, path, columns)


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
