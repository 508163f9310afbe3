"""The git + DVC repository below the dataset store: develop is worked on, main holds releases, tags name them.

A tag is the moment of truth: what has one is released, what a killed run has done without one is taken back.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from libs.common.errors import StoreError
from libs.common.stores.data_objects import DataObjects, md5_in, md5_of
from libs.common.stores.dvc_tracking import DvcTracking
from libs.common.stores.git_commands import GitCommands

POINTER = ".dvc"
_WORK, _RELEASES = "develop", "main"
_LOST = "build the version again from its lineage"


class Workspace:
    """Plain verbs over the two."""

    def __init__(self, root: Path, remote: str) -> None:
        self._root = root
        self._remote = remote
        self._objects = DataObjects(root, remote)
        self._git = GitCommands(root)
        self._dvc = DvcTracking(root)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Alone with the repository, after what the last holder left half done is finished or taken back.

        The lock file is empty unless its holder was killed or failed. Every git command holds the lock too: one that outlives
        its killed parent is waited for.
        """
        self._root.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._root.with_name(f"{self._root.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            lock_descriptor(lock)
            self._git.held_open = (lock,)
            if os.fstat(lock).st_size:
                self._recover()
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
            yield
            os.ftruncate(lock, 0)
        finally:
            self._git.held_open = ()
            unlock_descriptor(lock)
            os.close(lock)

    def ensure(self) -> None:
        """Create the repository where there is none; what a killed run has begun is begun anew: it holds nothing yet."""
        self._root.mkdir(parents=True, exist_ok=True)
        if not (self._root / ".git" / "HEAD").is_file():
            self._git("init", "--quiet", f"--initial-branch={_RELEASES}")
        if self._begun():
            return
        self._settle()
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", "Begin the data workspace")
        self._git("checkout", "--quiet", "-b", _WORK)

    @contextmanager
    def undone_on_failure(self) -> Generator[None]:
        """Take back every change to tracked and untracked files, and every commit, when the block fails."""
        before = self._git("rev-parse", "HEAD").strip()
        try:
            yield
        except BaseException:
            self.undo(before)
            self.restore()
            raise

    def undo(self, commit: str = _RELEASES) -> None:
        """Bring the work tree back to ``commit``: without one, to the last release."""
        self._git("reset", "--quiet", "--hard", commit)
        self._clean()

    def restore(self) -> None:
        """Bring the data files, which git does not know, back to what the work tree says of them."""
        for pointer in sorted(self._root.glob(f"*/*{POINTER}")):
            path, md5 = pointer.with_suffix(""), md5_in(pointer.read_text("utf-8"))
            if not path.exists() or md5_of(path) != md5:
                self._objects.fetch(md5, path)  # what is nowhere stays away, and verify says so
        self._clean()  # the empty folder of a version that was taken back

    def release(self, folder: str, files: Sequence[str], tag: str) -> None:
        """Track ``files`` with DVC, push them, commit on develop; then tag that, and main moves there: both or neither."""
        self._dvc.add([self._root / folder / file for file in files])
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", f"Release {tag}")
        released = self._git("rev-parse", _WORK).strip()
        # In this order: a run that is killed between the two left a tag, and `_recover` moves main after it.
        moves = (f"create refs/tags/{tag} {released}", f"update refs/heads/{_RELEASES} {released}")
        self._git("update-ref", "--stdin", stdin="\n".join(moves) + "\n")

    def drop(self, tags: Sequence[str]) -> None:
        """Remove tags, all or none; what they named stays in the history of main, without its content."""
        self._git("update-ref", "--stdin", stdin="".join(f"delete refs/tags/{tag}\n" for tag in tags))

    def tags(self, pattern: str = "*") -> list[str]:
        """The tags that match."""
        return self._git("tag", "--list", pattern).split() if (self._root / ".git").exists() else []

    def show(self, tag: str, path: str) -> str:
        """A small file as it was at ``tag``."""
        return self._git("show", f"{tag}:{path}")

    def copy(self, tag: str, folder: str, into: Path) -> None:
        """Copy a folder as it was at ``tag`` to ``into``, data included, from the cache or else from the remote."""
        into.mkdir(parents=True)
        for path in self._git("ls-tree", "--name-only", tag, f"{folder}/").splitlines():
            text, name = self.show(tag, path), Path(path).name
            if not name.endswith(POINTER):
                (into / name).write_text(text, "utf-8")
            elif not self._objects.fetch(md5_in(text), into / name.removesuffix(POINTER)):
                raise StoreError(f"{path.removesuffix(POINTER)} of {tag} is neither in the cache nor on the remote", _LOST)

    def pointers(self, *revisions: str) -> str:
        """The text of every ``.dvc`` file that is, or ever was, in ``revisions`` and before; each names a file's content."""
        listed = (line.partition(" ") for line in self._git("rev-list", "--objects", *revisions).splitlines())
        blobs = sorted({blob for blob, _, path in listed if Path(path).suffix == ".dvc"})
        return self._git("cat-file", "--batch", stdin="\n".join(blobs) + "\n") if blobs else ""

    def sweep(self) -> None:
        """Remove from DVC's cache what neither a tag nor the work tree names."""
        self._dvc.sweep(whole_history=False)

    def _settle(self) -> None:
        """What ``dvc init`` and ``dvc remote add`` write, without the seconds that they take."""
        settings = self._root / ".dvc"
        settings.mkdir(exist_ok=True)
        remote = self._remote if "://" in self._remote else Path(self._remote).absolute()
        (settings / "config").write_text(f"""[core]\n    remote = storage\n['remote "storage"']\n    url = "{remote}"\n""")
        (settings / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")

    def _begun(self) -> bool:
        return bool(self._git("branch", "--list", _WORK))

    def _recover(self) -> None:
        for left in (self._root / ".git").rglob("*.lock"):
            left.unlink()
        (self._root / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)  # half-written, it stops every DVC command
        if not (self._root / ".git" / "HEAD").is_file() or not self._begun():
            return
        if self._git("for-each-ref", f"--points-at={_WORK}", "refs/tags"):
            self._git("update-ref", f"refs/heads/{_RELEASES}", f"refs/heads/{_WORK}")
        self.undo()
        self.restore()

    def _clean(self) -> None:
        self._git("clean", "--quiet", "-d", "--force")
