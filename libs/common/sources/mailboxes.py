"""Reads mails from a folder of .eml/.txt files, mboxes and a Maildir; the folder or mailbox name is the mail's place."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from libs.common.sources import mbox
from libs.common.sources.raw_mail import RawMail, readable_name

MAIL_SUFFIXES = (".eml", ".txt")
MBOX_SUFFIXES = (".mbox", ".mbx")
_STRETCH_FILES = 500
_MAILDIR_PARTS = ("new", "cur")


@dataclass(frozen=True, slots=True)
class FileStretch:
    """Some message files below a folder; each file's place is the folder that it lies in."""

    root: Path
    files: tuple[Path, ...]

    @property
    def mails(self) -> int:
        """One a file."""
        return len(self.files)

    def read(self) -> Iterator[RawMail]:
        """The files as raw mails."""
        for path in self.files:
            origin, place = path.relative_to(self.root).as_posix(), _place(path, self.root)
            yield RawMail(readable_name(origin), raw=path.read_bytes(), place=readable_name(place))


def is_mbox(path: Path) -> bool:
    """Whether a file is an mbox, by its name or by its first bytes."""
    if path.suffix in MBOX_SUFFIXES:
        return True
    with path.open("rb") as stream:
        return path.suffix not in MAIL_SUFFIXES and stream.read(5) == b"From "


def files_below(root: Path) -> tuple[Path, ...]:
    """The message files of a folder of files or of Maildirs, in a stable order."""
    return tuple(sorted(path for path in root.rglob("*") if path.is_file() and _is_mail(path)))


def mboxes_below(root: Path) -> tuple[Path, ...]:
    """The .mbox files of a folder, in a stable order."""
    return tuple(sorted(path for path in root.rglob("*") if path.is_file() and path.suffix in MBOX_SUFFIXES))


def stretches_of(root: Path) -> tuple[FileStretch | mbox.MboxStretch, ...]:
    """A mailbox file, or all the mail below a folder, cut into stretches that can be read side by side."""
    if root.is_file():
        return mbox.stretches_of(root) if is_mbox(root) else (FileStretch(root.parent, (root,)),)
    files = files_below(root)
    cut = (files[first : first + _STRETCH_FILES] for first in range(0, len(files), _STRETCH_FILES))
    boxes = (stretch for path in mboxes_below(root) for stretch in mbox.stretches_of(path))
    return (*(FileStretch(root, part) for part in cut), *boxes)


def digest_of(root: Path) -> str:
    """SHA-256 of a file, or of the relative names and contents of the mail below a folder."""
    if root.is_file():
        return _file_digest(root)
    whole = hashlib.sha256()
    for path in (*files_below(root), *mboxes_below(root)):
        whole.update(f"{readable_name(path.relative_to(root).as_posix())}\0{_file_digest(path)}\n".encode())
    return whole.hexdigest()


def _is_mail(path: Path) -> bool:
    return path.suffix in MAIL_SUFFIXES or path.parent.name in _MAILDIR_PARTS


def _place(path: Path, root: Path) -> str:
    folder = path.parent.parent if path.parent.name in _MAILDIR_PARTS else path.parent
    # Maildir++ writes subfolders with a leading dot: ".billing" is the folder billing.
    return folder.name.lstrip(".") if folder != root else root.name


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
