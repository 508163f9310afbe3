"""What the data workspace holds in DVC's cache and on its remote that no version needs any more.

The cache belongs to the workspace alone: whatever no tag names goes, also what killed builds have left. A remote may be
shared: from it goes only what a version of this workspace once held.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.common.stores.objects import Objects, open_objects
from libs.common.stores.workspace import Workspace

# DVC's own layout, below a cache and below a remote: files/md5/ab/cdef… for the MD5 abcdef….
_CONTENT = "files/md5"
_POINTER = re.compile(r"md5: ([0-9a-f]{32})\n\s+size: (\d+)")


@dataclass(frozen=True, slots=True)
class Space:
    """Content that nothing needs, each MD5 with its size in bytes."""

    cache: Mapping[str, int]
    remote: Mapping[str, int]

    @property
    def cache_bytes(self) -> int:
        """Bytes in the cache."""
        return sum(self.cache.values())

    @property
    def remote_bytes(self) -> int:
        """Bytes on the remote."""
        return sum(self.remote.values())


def measure_space(workspace: Workspace, root: Path, remote: str, kept: Iterable[str]) -> Space:
    """What is there that none of the ``kept`` tags names."""
    tags = sorted(kept)
    needed = _sizes(workspace.pointers("--no-walk", *tags)) if tags else {}
    once = _sizes(workspace.pointers("--all"))
    return Space(
        cache={md5: size for md5, size in _cached(root).items() if md5 not in needed},
        remote={md5: once[md5] for md5 in _pushed(open_objects(remote)) if md5 in once and md5 not in needed},
    )


def free_space(workspace: Workspace, remote: str, space: Space) -> None:
    """Remove what ``space`` holds, once no tag names it; a run that is killed here is finished by the next."""
    if space.cache:
        workspace.sweep()
    objects = open_objects(remote)
    for md5 in sorted(space.remote):
        objects.delete(f"{_CONTENT}/{md5[:2]}/{md5[2:]}")


def _sizes(pointers: str) -> dict[str, int]:
    return {md5: int(size) for md5, size in _POINTER.findall(pointers)}


def _cached(root: Path) -> dict[str, int]:
    found = (root / ".dvc" / "cache" / _CONTENT).glob("[0-9a-f][0-9a-f]/*")
    return {path.parent.name + path.name: path.stat().st_size for path in sorted(found) if path.is_file()}


def _pushed(objects: Objects) -> list[str]:
    return [key.removeprefix(f"{_CONTENT}/").replace("/", "") for key in objects.list(f"{_CONTENT}/")]
