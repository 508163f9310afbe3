"""The folder a model travels in: its files, what they must hash to, and the one way to read it back.

Format 1 holds model.json (an `ArtifactHeader`), the family's own files, documents for people and for monitoring
(README.md, sbom.cdx.json, requirements-model.txt, reference.*), and manifest.json: the SHA-256 of every other file, as
canonical JSON. The digest of the artifact is the SHA-256 of the manifest. model.sig may lie beside: it signs all of these and
is in no manifest, since no two signatures of the same files are alike. Nothing is parsed by a model library before all of it
is checked.
To change the format: raise FORMAT, say here what differs, and keep reading the old number or name the release that does.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from libs.common.domain.value import Value
from libs.common.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUntrusted
from libs.common.models.base import Classifier, Summarizer
from libs.common.models.signature import SIGNATURE, verify_signature

FORMAT = 1
HEADER = "model.json"
MANIFEST = "manifest.json"

# Files that run code when they are read; they are refused by name, whatever the manifest says of them.
_EXECUTABLE = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".npy", ".py", ".so", ".dll")


class ArtifactHeader(Value):
    """What kind of model lies in the folder; a summarizer has no labels."""

    format: int
    family: str
    labels: tuple[str, ...]
    options: dict[str, JsonValue]


def write_artifact(
    folder: Path,
    model: Classifier | Summarizer,
    documents: Mapping[str, bytes],
    describe: Callable[[Mapping[str, str]], Mapping[str, bytes]] | None = None,
) -> str:
    """Write the model and the further ``documents`` into the new ``folder``, whole or not at all; returns the digest.

    ``describe`` gives documents about all these files, from their names and SHA-256.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        model.save(draft)
        labels: tuple[str, ...] = getattr(model, "labels", ())
        header = ArtifactHeader(format=FORMAT, family=model.family, labels=labels, options=model.options)
        (draft / HEADER).write_text(header.model_dump_json(indent=2) + "\n")
        for name, content in documents.items():
            (draft / name).write_bytes(content)
        for name, content in (describe(_digests(draft)) if describe else {}).items():
            (draft / name).write_bytes(content)
        manifest = _canonical(_digests(draft))
        (draft / MANIFEST).write_bytes(manifest)
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return hashlib.sha256(manifest).hexdigest()


def verify_artifact(folder: Path, trusted: Path | None = None) -> str:
    """The digest of a folder whose every file is as it was written; ModelCorrupt names the first that is not.

    Where a public key is ``trusted``, ModelUntrusted for what was not signed with its private half.
    """
    manifest, content = _read_manifest(folder)
    found = set(_files_of(folder)) - {MANIFEST, SIGNATURE}
    for name in sorted(manifest.keys() | found):
        if name not in manifest:
            raise ModelCorrupt(f"{folder / name}: is not in {MANIFEST}", _FETCH_AGAIN)
        if name not in found:
            raise ModelCorrupt(f"{folder / name}: is missing", _FETCH_AGAIN)
        if name.endswith(_EXECUTABLE):
            raise ModelUntrusted(f"{folder / name}: can run code when it is read", "store arrays as safetensors or ONNX")
        if (digest := _sha256(folder / name)) != manifest[name]:
            raise ModelCorrupt(f"{folder / name}: has SHA-256 {digest}, {MANIFEST} says {manifest[name]}", _FETCH_AGAIN)
    digest = hashlib.sha256(content).hexdigest()
    if trusted is not None:
        verify_signature(folder, signed_files(folder), trusted)
    return digest


def signed_files(folder: Path) -> dict[str, str]:
    """What a signature covers: the files of the manifest and the manifest itself, each with its SHA-256."""
    manifest, content = _read_manifest(folder)
    return {**manifest, MANIFEST: hashlib.sha256(content).hexdigest()}


def read_header(folder: Path) -> ArtifactHeader:
    """What model.json says; ModelError for a format that this code does not read."""
    path = folder / HEADER
    try:
        header = ArtifactHeader.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _unread_header(path, error) from error
    if header.format != FORMAT:
        raise _unknown_format(path, header.format)
    return header


def load_classifier(
    folder: Path, expected_digest: str | None = None, threads: int = 1, trusted: Path | None = None
) -> Classifier:
    """The classifier in ``folder``, after every file and the signature are checked as `verify_artifact` does.

    Predicts with at most ``threads`` threads.
    """
    header = _checked(folder, expected_digest, trusted)
    if header.family == "tabular":
        from libs.common.models.tabular import load_tabular as load
    elif header.family == "transformer":
        from libs.common.models.transformer import load_transformer as load
    elif header.family == "hybrid":
        from libs.common.models.hybrid import load_hybrid as load
    elif header.family == "boosted":
        from libs.common.models.boosted import load_boosted as load
    elif header.family == "cascade":
        from libs.common.models.cascade import load_cascade as load
    else:
        raise _unknown_family(folder, header.family, "a classifier: tabular, transformer, hybrid, boosted, cascade")
    return load(folder, header.labels, header.options, threads)


def load_summarizer(
    folder: Path, expected_digest: str | None = None, threads: int = 1, trusted: Path | None = None
) -> Summarizer:
    """The summarizer in ``folder``, after every file and the signature are checked as `verify_artifact` does.

    Runs with at most ``threads`` threads.
    """
    header = _checked(folder, expected_digest, trusted)
    if header.family == "extractive":
        from libs.common.models.extractive import load_extractive as load
    elif header.family == "t5":
        from libs.common.models.generative import load_t5 as load
    elif header.family == "gpt":
        from libs.common.models.generative import load_gpt as load
    else:
        raise _unknown_family(folder, header.family, "a summarizer: extractive, t5, gpt")
    return load(folder, header.options, threads)


_FETCH_AGAIN = "fetch the artifact again from the object store, or train the model again"


def _checked(folder: Path, expected_digest: str | None, trusted: Path | None) -> ArtifactHeader:
    digest = verify_artifact(folder, trusted)
    if expected_digest is not None and digest != expected_digest:
        raise ModelCorrupt(f"{folder}: has digest {digest}, {expected_digest} is registered", _FETCH_AGAIN)
    return read_header(folder)


def _unknown_family(folder: Path, family: str, read: str) -> ModelUntrusted:
    return ModelUntrusted(f"{folder / HEADER}: family '{family}'", f"this code reads as {read}")


def _read_manifest(folder: Path) -> tuple[dict[str, str], bytes]:
    path = folder / MANIFEST
    if not path.exists():
        raise ModelNotFound(f"{folder}: holds no model ({MANIFEST} is missing)", "give the folder that write_artifact made")
    content = path.read_bytes()
    try:
        manifest = cast("dict[str, str]", json.loads(content))
        canonical = content == _canonical(manifest)
    except (ValueError, TypeError, AttributeError):
        canonical, manifest = False, {}
    if not canonical:
        raise ModelCorrupt(f"{path}: is not the canonical JSON that was written", _FETCH_AGAIN)
    return manifest, content


def _canonical(manifest: Mapping[str, str]) -> bytes:
    return (json.dumps(dict(manifest), sort_keys=True, indent=0, ensure_ascii=True) + "\n").encode()


def _files_of(folder: Path) -> list[str]:
    """Relative names of all entries that are not folders; a link is an entry of its own and hashes what it points to."""
    paths = (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    return [path.relative_to(folder).as_posix() for path in paths]


def _digests(folder: Path) -> dict[str, str]:
    return {name: _sha256(folder / name) for name in sorted(_files_of(folder))}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unread_header(path: Path, error: Exception) -> ModelError:
    """A header of another format may well have other fields: name the format where there is one."""
    try:
        found: object = json.loads(path.read_bytes()).get("format")
    except (OSError, ValueError, AttributeError):
        found = None
    if isinstance(found, int) and found != FORMAT:
        return _unknown_format(path, found)
    return ModelCorrupt(f"{path}: cannot be read ({' '.join(str(error).split())[:200]})", _FETCH_AGAIN)


def _unknown_format(path: Path, found: int) -> ModelError:
    return ModelError(
        f"{path}: artifact format {found}, this code reads format {FORMAT}",
        "load it with the release of triage that wrote it, or train the model again with this one",
    )
