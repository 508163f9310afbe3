"""Files by key, in a local folder or an S3 bucket. Every write is atomic: a key holds the whole object or none of it."""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

from libs.common.errors import StoreError

_PARTIAL = ".partial-"


class NoSuchObject(StoreError):
    """There is no object under this key, or not any more."""


class Objects(Protocol):
    """An object store below one URI; keys are relative paths with forward slashes."""

    @property
    def uri(self) -> str:
        """Where the store is; ``<uri>/<key>`` is the address of one object."""
        ...

    def put_bytes(self, key: str, content: bytes) -> None:
        """Write one object."""
        ...

    def get_bytes(self, key: str) -> bytes:
        """Read one object; NoSuchObject where there is none."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """Copy one local file into the store."""
        ...

    def get_file(self, key: str, path: Path) -> None:
        """Copy one object to a local path; NoSuchObject where there is none."""
        ...

    def put_folder(self, prefix: str, folder: Path) -> str:
        """Copy every file below ``folder``; the answer is the address of the copy."""
        ...

    def get_folder(self, prefix: str, into: Path) -> Path:
        """Copy every object below ``prefix`` into a folder; a StoreError where there is none."""
        ...

    def list(self, prefix: str = "") -> list[str]:
        """All keys that begin with ``prefix``, sorted."""
        ...

    def exists(self, key: str) -> bool:
        """Whether the object is there."""
        ...

    def delete(self, key: str) -> None:
        """Remove one object; nothing happens where there is none."""
        ...

    def sweep(self, before: datetime) -> int:
        """Remove what writers that were killed had begun before this moment; how many pieces there were. Objects stay."""
        ...


def open_objects(uri: str) -> Objects:
    """The store at a local path, ``file:///path`` or ``s3://bucket/prefix`` (endpoint from AWS_ENDPOINT_URL)."""
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        if not parts.netloc:
            raise StoreError(f"'{uri}' names no bucket", "write s3://bucket/prefix")
        return S3Objects(parts.netloc, parts.path.strip("/"))
    if parts.scheme in ("", "file"):
        return LocalObjects(Path(unquote(parts.path) if parts.scheme else uri).absolute())
    raise StoreError(f"'{uri}' is no address of an object store", "write a path, file:///path or s3://bucket/prefix")


def fetch_folder(uri: str, into: Path) -> Path:
    """Copy the folder at any supported address to ``into``; one that is there already is left as it is.

    The folder appears whole or not at all, also where several processes fetch it at once.
    """
    if into.is_dir():
        return into
    parent, _, name = uri.rstrip("/").rpartition("/")
    into.parent.mkdir(parents=True, exist_ok=True)
    landing = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=into.parent))
    try:
        open_objects(parent or "/").get_folder(name, landing)
        landing.chmod(0o755)
        landing.rename(into)
    except OSError as error:
        if not into.is_dir():
            raise StoreError(f"{uri} could not be copied to {into}: {error}", "free space or correct the address") from error
    finally:
        shutil.rmtree(landing, ignore_errors=True)
    return into


class _Folders:
    """Folders in terms of single files: shared by both stores."""

    uri: str

    def put_folder(self: "Objects", prefix: str, folder: Path) -> str:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.put_file(f"{prefix}/{path.relative_to(folder).as_posix()}", path)
        return f"{self.uri}/{prefix}"

    def get_folder(self: "Objects", prefix: str, into: Path) -> Path:
        below = prefix.rstrip("/") + "/"
        keys = self.list(below)
        if not keys:
            raise StoreError(f"{self.uri}/{prefix} holds nothing", "check the address, or store the folder first")
        for key in keys:
            name = key.removeprefix(below)
            if ".." in name.split("/") or name.startswith("/"):
                raise StoreError(f"{self.uri}/{key} would be written outside of its folder", "give it another key")
            self.get_file(key, into / name)
        return into


class LocalObjects(_Folders):
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.uri = str(root)

    def put_bytes(self, key: str, content: bytes) -> None:
        with _whole(self._path(key), durable=True) as partial:
            partial.write(content)

    def get_bytes(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise _absent(self, key) from None

    def put_file(self, key: str, path: Path) -> None:
        _copy(path, self._path(key), durable=True)

    def get_file(self, key: str, path: Path) -> None:
        _copy(self._there(key), path, durable=False)

    def list(self, prefix: str = "") -> list[str]:
        # Only the folder part of a prefix can be walked; the rest is compared.
        start = self._root / prefix.rpartition("/")[0]
        found = (path for path in start.rglob("*") if path.is_file() and not path.name.startswith(_PARTIAL))
        keys = (path.relative_to(self._root).as_posix() for path in found)
        return sorted(key for key in keys if key.startswith(prefix))

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def sweep(self, before: datetime) -> int:
        left = [path for path in self._root.rglob(f"{_PARTIAL}*") if _is_older(path, before)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/") or not key:
            raise StoreError(f"'{key}' is no object key", "write a relative path without '..'")
        return self._root / key

    def _there(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise _absent(self, key)
        return path


class S3Objects(_Folders):
    """Objects in a bucket; S3's own writes are atomic."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3

        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client("s3")
        self.uri = f"s3://{bucket}/{prefix}".rstrip("/")

    def put_bytes(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)

    def get_bytes(self, key: str) -> bytes:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            raise _absent(self, key) from None

    def put_file(self, key: str, path: Path) -> None:
        self._client.upload_file(str(path), self._bucket, self._prefix + key)

    def get_file(self, key: str, path: Path) -> None:
        self._require(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._client.download_file(self._bucket, self._prefix + key, str(path))

    def list(self, prefix: str = "") -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
        return sorted(item["Key"].removeprefix(self._prefix) for page in pages for item in page.get("Contents", ()))

    def exists(self, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise StoreError(f"{self.uri}/{key}: {error}", "check the credentials and the bucket's policy") from error
        return True

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def sweep(self, before: datetime) -> int:
        # Parts of an upload that was never completed are stored, and paid for, until somebody aborts it.
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._prefix)
        begun = [upload for page in pages for upload in page.get("Uploads", ())]
        left = [upload for upload in begun if upload["Initiated"].astimezone(UTC) < before]
        for upload in left:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        return len(left)

    def _require(self, key: str) -> None:
        if not self.exists(key):
            raise _absent(self, key)


def _absent(objects: Objects, key: str) -> NoSuchObject:
    return NoSuchObject(f"{objects.uri}/{key} does not exist", "check the address, or store the object first")


def _copy(source: Path, target: Path, durable: bool) -> None:
    with source.open("rb") as content, _whole(target, durable) as partial:
        shutil.copyfileobj(content, partial, 1 << 20)


@contextmanager
def _whole(target: Path, durable: bool) -> Generator[IO[bytes]]:
    """A file that becomes ``target`` when the block ends, and is gone when it fails.

    A ``durable`` one is on the disk before it has its name: whoever deletes their own copy then, or has told somebody, must
    not find it empty after a power cut. What was copied out of the store can be copied again.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=_PARTIAL, dir=target.parent, delete=False) as partial:
        path = Path(partial.name)
        try:
            yield partial
            partial.flush()
            if durable:
                os.fsync(partial.fileno())
            path.replace(target)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    if durable:
        _sync_folder(target.parent)


def _is_older(path: Path, moment: datetime) -> bool:
    try:
        return path.is_file() and path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:  # its writer has just finished
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
