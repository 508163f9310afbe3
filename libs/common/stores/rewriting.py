"""Replacing the content of dataset versions in place, in the whole history: the old content is then nowhere any more.

New content is stored first. A plan, one file, then makes it so: refs move, the old content goes, the plan goes. Whoever is
killed after the plan was written leaves it behind, and the next run carries it out; killed before, nothing has happened.
"""

import json
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from libs.common.domain.dataset import DatasetVersion
from libs.common.errors import StoreError
from libs.common.stores.data_objects import md5_in, md5_of, pointer_to
from libs.common.stores.workspace import POINTER, Workspace

_MANIFEST = "manifest.json"


class Entry(NamedTuple):
    """One line of a git tree."""

    mode: str
    kind: str
    digest: str
    name: str


@dataclass(frozen=True)
class Kept:
    """A version somewhere in the history, with or without a tag; ``pointers`` has the ``.dvc`` text of each file."""

    manifest: str
    version: DatasetVersion
    pointers: Mapping[str, str]


@dataclass(frozen=True)
class Replacement:
    """What a version is to be from now on: its manifest, and those of its files that are others."""

    kept: Kept
    version: DatasetVersion
    files: Mapping[str, Path]


class Rewriting(Workspace):
    """The data workspace as a history whose content can be replaced; hold the workspace's lock meanwhile."""

    def __init__(self, root: Path, remote: str) -> None:
        super().__init__(root, remote)
        self._plan = root / ".git" / "triage-plan.json"
        # Git names what it keeps by its content: what has been read once never changes.
        self._trees: dict[str, list[Entry]] = {}
        self._blobs: dict[str, str] = {}

    def unfinished(self) -> list[str]:
        """The fault of a workspace in which a rewriting was killed half way; empty for any other."""
        return [f"{self._root}: an erasure was not finished: run it again"] if self._plan.exists() else []

    @cached_property
    def versions(self) -> tuple[Kept, ...]:
        """Every version in the history, each once, in no order that means anything."""
        found: dict[str, Kept] = {}
        for commit in self._commits():
            for folder, entries in self._folders(commit):
                manifest = next((entry.digest for entry in entries if entry.name == _MANIFEST), "")
                if manifest and manifest not in found:
                    found[manifest] = self._kept(folder, manifest, entries)
        return tuple(found.values())

    def fetch(self, kept: Kept, file: str, path: Path) -> bool:
        """Copy a file of a version to ``path``; False where a version without a tag has lost it, StoreError for others."""
        md5 = md5_in(kept.pointers[file]) if file in kept.pointers else ""
        if md5 and self._objects.fetch(md5, path):
            return True
        work = self._root / kept.version.name / file
        if md5 and work.is_file() and md5_of(work) == md5:
            shutil.copyfile(work, path)
            return True
        if self.tags(kept.version.tag):
            found = f"{kept.version.tag}: {file} is in no place any more: not in the DVC cache, and not on its remote"
            raise StoreError(found, "restore it, or remove the version: nobody can say what is in it")
        return False

    def begin(self) -> None:
        """Finish or take back what killed runs have left."""
        if self._has_history():
            self.finish()
            self.undo()
            self.__dict__.pop("versions", None)

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """A folder for the content of versions; what a killed run has left in it goes first, and all of it at the end."""
        place = self._root.with_name(f"{self._root.name}.scratch")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700, parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place)

    def replace(self, replacements: Sequence[Replacement]) -> None:
        """Make the versions what they are to be, all or none, and leave nothing of what they were."""
        if not self._has_history():
            return
        trees = {one.kept.manifest: self._stored(one) for one in replacements}
        commits = self._rewritten(trees)
        refs = self._git("for-each-ref", "--format=%(refname)").split()
        moves = {ref: commits[self._git("rev-parse", f"{ref}^{{commit}}").strip()] for ref in refs} if replacements else {}
        old = {md5_in(one.kept.pointers[file]) for one in replacements for file in one.files}
        # All that the cache holds is doubtful: DVC says below what of it a commit still names.
        plan = {"moves": moves, "content": sorted(old | self._objects.cached())}
        partial = self._plan.with_suffix(".partial")
        partial.write_text(json.dumps(plan), "utf-8")
        partial.replace(self._plan)
        self.finish()

    def finish(self) -> None:
        """Carry out the plan, if there is one: also the one that a killed run has left."""
        if not self._plan.exists():
            return
        plan = json.loads(self._plan.read_text("utf-8"))
        self._move(plan["moves"])
        self.restore()
        self._drop(set(plan["content"]))
        self._plan.unlink()

    def _move(self, moves: Mapping[str, str]) -> None:
        self._git("update-ref", "--stdin", stdin="".join(f"update {ref} {commit}\n" for ref, commit in moves.items()))
        self._git("reset", "--quiet", "--hard")
        self._clean()
        self._clean()  # what the first has freed of its .gitignore
        self.__dict__.pop("versions", None)

    def _drop(self, doubtful: set[str]) -> None:
        """Remove content that no commit names: what was replaced, and what killed builds have left; then git's own rest."""
        named = {md5_in(text) for kept in self.versions for text in kept.pointers.values()}
        self._dvc.sweep(whole_history=True)
        self._objects.remove(doubtful - named - self._objects.cached())
        self._objects.sweep()
        (self._root / ".git" / "ORIG_HEAD").unlink(missing_ok=True)
        self._git("reflog", "expire", "--expire=now", "--all")
        self._git("gc", "--quiet", "--prune=now")

    def _stored(self, one: Replacement) -> dict[str, str]:
        """Store new content and texts; returns the new blob of each name in the version's folder."""
        texts = {_MANIFEST: one.version.model_dump_json(indent=2) + "\n"}
        for file, path in one.files.items():
            md5 = self._objects.add(path)
            texts[file + POINTER] = pointer_to(md5, path.stat().st_size, like=one.kept.pointers[file])
        return {name: self._write("blob", text) for name, text in texts.items()}

    def _rewritten(self, trees: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Every commit → the commit with the new trees and parents, which is the same one where nothing changed."""
        commits: dict[str, str] = {}
        for commit in self._commits():
            text = self._git("cat-file", "commit", commit)
            head, blank, message = text.partition("\n\n")
            lines = [line.split(" ", 1) for line in head.split("\n")]
            for line in lines:
                if line[0] == "tree":
                    line[1] = self._tree(commit, trees)
                elif line[0] == "parent":
                    line[1] = commits[line[1]]
            commits[commit] = self._write("commit", "\n".join(map(" ".join, lines)) + blank + message)
        return commits

    def _tree(self, commit: str, trees: Mapping[str, Mapping[str, str]]) -> str:
        top = {entry.name: entry for entry in self._entries(commit)}
        for folder, entries in self._folders(commit):
            manifest = next((entry.digest for entry in entries if entry.name == _MANIFEST), "")
            if new := trees.get(manifest):
                changed = [entry._replace(digest=new.get(entry.name, entry.digest)) for entry in entries]
                top[folder] = top[folder]._replace(digest=self._make_tree(changed))
        return self._make_tree(list(top.values()))

    def _kept(self, folder: str, manifest: str, entries: Sequence[Entry]) -> Kept:
        pointers = {
            entry.name.removesuffix(POINTER): self._blob(entry.digest) for entry in entries if entry.name.endswith(POINTER)
        }
        try:
            version = DatasetVersion.model_validate_json(self._blob(manifest))
        except ValueError as error:
            raise StoreError(f"{folder}/{_MANIFEST} in {manifest} cannot be read: {error}", "see the workspace") from error
        return Kept(manifest, version, pointers)

    def _has_history(self) -> bool:
        return (self._root / ".git" / "HEAD").exists() and bool(self._git("for-each-ref", "refs/heads"))

    def _commits(self) -> list[str]:
        """Every commit that a ref leads to, parents first."""
        return self._git("rev-list", "--topo-order", "--reverse", "--all").split() if self._has_history() else []

    def _folders(self, commit: str) -> Iterator[tuple[str, list[Entry]]]:
        for entry in self._entries(commit):
            if entry.kind == "tree":
                yield entry.name, self._entries(entry.digest)

    def _entries(self, tree: str) -> list[Entry]:
        if tree not in self._trees:
            self._trees[tree] = self._listed(tree)
        return self._trees[tree]

    def _listed(self, tree: str) -> list[Entry]:
        lines = (line.split("\t", 1) for line in self._git("ls-tree", "-z", tree).split("\0") if line)
        found = ((*facts.split(" "), name) for facts, name in lines)
        return [Entry(mode, kind, digest, name) for mode, kind, digest, name in found]

    def _make_tree(self, entries: Sequence[Entry]) -> str:
        listing = "".join(f"{mode} {kind} {digest}\t{name}\0" for mode, kind, digest, name in entries)
        return self._git("mktree", "-z", stdin=listing).strip()

    def _blob(self, digest: str) -> str:
        if digest not in self._blobs:
            self._blobs[digest] = self._git("cat-file", "blob", digest)
        return self._blobs[digest]

    def _write(self, kind: str, text: str) -> str:
        return self._git("hash-object", "-t", kind, "-w", "--stdin", stdin=text).strip()
