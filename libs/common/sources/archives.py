"""Unpacks .zip, .tar, .tar.gz and .tgz: regular files only, none outside the folder, bounded, streaming.

Refused by the name of the member: links and devices, names that lead elsewhere or come twice, more than 500 000 members,
more than 64 GiB unpacked, and more than 100 times the archive's own size plus 256 MiB.
"""

import gzip
import io
import stat
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from libs.common.errors import DataError
from libs.common.sources import mailboxes, tables
from libs.common.sources.raw_mail import readable_name

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
MAX_MEMBERS = 500_000
MAX_BYTES = 64 << 30
# Mail packs to a third or a tenth, a bomb to a thousandth; the slack lets small archives of very alike mails pass.
MAX_RATIO, SLACK_BYTES = 100, 256 << 20
_MAX_DEPTH = 64
_BLOCK_BYTES = 1 << 20
_NO_FILE = "is neither a file nor a folder"
# What the libraries raise at damaged bytes; RuntimeError also for passwords, packings they don't know and endless nesting.
_FAULTS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, OSError, ArithmeticError, LookupError, ValueError, RuntimeError),
)


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    is_folder: bool
    fault: str
    open: Callable[[], IO[bytes]]


def is_archive(path: Path) -> bool:
    """Whether a path is a file that can be unpacked, by its name."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def open_archive(path: Path, into: Path) -> Path:
    """Unpack below ``into``; returns what is to be read: a folder, or the archive's one table or mbox."""
    root = unpack(path, into)
    files = sorted(found for found in root.rglob("*") if found.is_file())
    rows = [found for found in files if found.suffix in tables.SUFFIXES]
    mails = (*mailboxes.files_below(root), *mailboxes.mboxes_below(root))
    if not rows:
        return files[0] if len(files) == 1 and mailboxes.is_mbox(files[0]) else root
    if len(rows) == 1 and not mails:
        return rows[0]
    first, second = (found.relative_to(root).as_posix() for found in (rows[0], (*rows[1:], *mails)[0]))
    raise DataError(f"{path} holds {first} and {second}", "pack one table, or mails alone, or unpack it and name one of them")


def unpack(path: Path, into: Path) -> Path:
    """Unpack every file; returns the folder of the archive's name, or the only folder in it, as if that had been named.

    What macOS adds beside each file (``__MACOSX``, ``._name``) is left out.
    """
    into.mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(dir=into)) / (path.name[: -len(_suffix(path))] or "mail")
    root.mkdir()
    members = _zip_members if _suffix(path) == ".zip" else _tar_members
    bound = _Bound(path)
    with _readable(path):
        for member in members(path):
            bound.count(member)
            if not _is_resource_fork(member.name):
                _write(member, _place(path, member, root), bound)
    there = list(root.iterdir())
    return there[0] if len(there) == 1 and there[0].is_dir() else root


class _Bound:
    """How much an archive may still hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members = MAX_MEMBERS
        self._bytes = min(MAX_BYTES, path.stat().st_size * MAX_RATIO + SLACK_BYTES)

    def count(self, member: _Member) -> None:
        """One more member."""
        self._members -= 1
        if self._members < 0:
            raise _refusal(self._path, member.name, f"is one more than {MAX_MEMBERS} members")

    def take(self, count: int, member: _Member) -> None:
        """``count`` more bytes of a member."""
        self._bytes -= count
        if self._bytes < 0:
            found = "unpacks to more than can be mail: the archive is damaged, or made to fill the disk"
            raise _refusal(self._path, member.name, found)


def _write(member: _Member, target: Path, bound: _Bound) -> None:
    if member.is_folder:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as content, target.open("xb") as file:
        while block := content.read(_BLOCK_BYTES):
            bound.take(len(block), member)
            file.write(block)


def _place(path: Path, member: _Member, root: Path) -> Path:
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts or "\0" in member.name or len(parts) > _MAX_DEPTH:
        raise _refusal(path, member.name, "leads out of the archive, or too deep into it")
    if member.fault:
        raise _refusal(path, member.name, member.fault)
    target = root.joinpath(*parts)
    if not member.is_folder and target.exists():
        raise _refusal(path, member.name, "is there twice")
    return target


def _is_resource_fork(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part == "__MACOSX" or part.startswith("._") for part in parts)


def _zip_members(path: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            fault = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else _NO_FILE
            # The library unpacks the others without a bound: 4 KiB of bzip2 may be gigabytes.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                fault = "is not packed with deflate"
            name = entry.filename.replace("\\", "/")  # some writers on Windows separate folders their own way
            yield _Member(name, name.endswith("/"), fault, partial(archive.open, entry))


def _tar_members(path: Path) -> Iterator[_Member]:
    with _Blocks(_raw_tar(path)) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
        while (entry := archive.next()) is not None:
            stream.allow(sys.maxsize)
            fault = "" if entry.isdir() or entry.isreg() else _NO_FILE
            yield _Member(entry.name, entry.isdir(), fault, partial(_content, archive, entry))
            stream.allow(_BLOCK_BYTES)
            headers: Any = archive
            headers.members.clear()  # the library would keep half a million of them
        # The library takes a damaged header, and a missing end, for the end.
        stream.allow(_BLOCK_BYTES)
        stream.seek(archive.offset)
        ending = stream.read(_BLOCK_BYTES)
        if not ending or ending[: tarfile.BLOCKSIZE].strip(b"\0"):
            raise tarfile.ReadError("it breaks off before its end mark")


class _Blocks(io.BufferedReader):
    """A stream that gives no more than was allowed: the library reads a header whole, whatever size it claims."""

    def __init__(self, raw: Any) -> None:
        super().__init__(raw, _BLOCK_BYTES)
        self.allow(_BLOCK_BYTES)

    def allow(self, count: int) -> None:
        """How many bytes may be read from here on."""
        self._allowed = count

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``size`` bytes, which must be said."""
        if size is None or not 0 <= size <= self._allowed:
            raise tarfile.ReadError("a header is larger than any that a tar program writes")
        self._allowed -= size
        return super().read(size)


def _raw_tar(path: Path) -> io.FileIO | gzip.GzipFile:
    return path.open("rb", buffering=0) if _suffix(path) == ".tar" else gzip.open(path)


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    return archive.extractfile(entry) or io.BytesIO()


def _suffix(path: Path) -> str:
    return next(suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix))


def _refusal(path: Path, member: str, found: str) -> DataError:
    shown = readable_name(member)[:200]
    return DataError(f"{path}: {shown!r} {found}", "pack nothing but mail, in files and folders, or unpack it yourself")


@contextmanager
def _readable(path: Path) -> Generator[None]:
    try:
        yield
    except _FAULTS as error:
        hint = "check that the file is whole, that it has no password, and that TMPDIR has room"
        raise DataError(f"{path} cannot be unpacked: {readable_name(str(error))}", hint) from error
