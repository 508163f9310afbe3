"""The content of dataset versions by its MD5, in DVC's own layout: in the workspace's cache, and again on its remote."""

import hashlib
import re
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from libs.common.errors import StoreError
from libs.common.stores.objects import LocalObjects, Objects, open_objects

# Below a cache and below a remote: files/md5/ab/cdef… for the MD5 abcdef….
_CONTENT = "files/md5"
_PROTECTED = 0o444  # as DVC has it: content is shared, and never changes
_KEY = re.compile(rf"{_CONTENT}/([0-9a-f]{{2}})/([0-9a-f]{{30}})")


class DataObjects:
    """Content is added to both places and removed from both; it is read from the cache, or else from the remote."""

    def __init__(self, root: Path, remote: str) -> None:
        self._cache = LocalObjects(root / ".dvc" / "cache")
        self._address = remote

    def add(self, path: Path) -> str:
        """Keep a file; returns its MD5."""
        md5 = md5_of(path)
        for store in (self._remote, self._cache):
            if not store.exists(_key(md5)):
                store.put_file(_key(md5), path)
                if isinstance(store, LocalObjects):
                    (Path(store.uri) / _key(md5)).chmod(_PROTECTED)
        return md5

    def fetch(self, md5: str, path: Path) -> bool:
        """Copy content to ``path``; False where neither place has it."""
        for store in (self._cache, self._remote):
            if store.exists(_key(md5)):
                store.get_file(_key(md5), path)
                return True
        return False

    def cached(self) -> set[str]:
        """The MD5 of all that the cache holds."""
        return {match[1] + match[2] for key in self._cache.list(f"{_CONTENT}/") if (match := _KEY.fullmatch(key))}

    def remove(self, doomed: Collection[str]) -> None:
        """Remove content from both places."""
        for store in (self._remote, self._cache):
            for md5 in sorted(doomed):
                for key in store.list(_key(md5)):  # a killed upload has left the same name with an ending
                    store.delete(key)

    def sweep(self) -> None:
        """Remove what killed copies have left in the cache under names that are no MD5."""
        folder = Path(self._cache.uri) / _CONTENT
        for path in folder.rglob("*"):
            if path.is_file() and not _KEY.fullmatch(path.relative_to(self._cache.uri).as_posix()):
                path.unlink()

    @cached_property
    def _remote(self) -> Objects:
        return open_objects(self._address)


def md5_of(path: Path) -> str:
    """The MD5 of a file, by which DVC names it; no safeguard against forgery, which the manifest's SHA-256 is."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def md5_in(pointer: str) -> str:
    """Which content a ``.dvc`` file names."""
    return str(_out(yaml.safe_load(pointer))["md5"])


def pointer_to(md5: str, size: int, like: str) -> str:
    """The ``.dvc`` file ``like``, naming other content of ``size`` bytes."""
    document = yaml.safe_load(like)
    _out(document).update(md5=md5, size=size)
    return yaml.safe_dump(document, sort_keys=False)


def _key(md5: str) -> str:
    return f"{_CONTENT}/{md5[:2]}/{md5[2:]}"


def _out(document: Any) -> dict[str, Any]:
    try:
        return document["outs"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise StoreError(f"a .dvc file of the data workspace names no content: {document}", "restore it from git") from error
