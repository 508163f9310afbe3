"""What a batch may read: only what lies below a configured root, a folder or an address in a bucket."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from libs.common.desk import Forbidden, Unprocessable
from libs.common.errors import DataError

_S3 = "s3://"


def require_allowed(source: str, roots: Sequence[str]) -> str:
    """The address of a source below one of ``roots``, with every link followed.

    Unprocessable where it is no absolute path and no s3://bucket/key; Forbidden, in the same words whether it is there or not,
    where it lies elsewhere.
    """
    place = _plain(source)
    if not any(_is_below(place, _plain(root)) for root in roots):
        raise Forbidden(
            "the source lies below no folder or bucket that batches may read",
            "send the mail as the body, or have it put below one of model_serving.batches.roots",
        )
    return place


def require_inside(place: str, roots: Sequence[str]) -> None:
    """DataError where a file below the folder ``place`` is a link that leads out of every root."""
    if place.startswith(_S3):
        return
    allowed = [_plain(root) for root in roots]
    for path in Path(place).rglob("*"):
        if path.is_symlink() and not any(_is_below(str(path.resolve()), root) for root in allowed):
            raise DataError(f"{path} is a link that leads out of what batches may read", "put the file in its place")


def _plain(address: str) -> str:
    if not address.isprintable():
        raise Unprocessable("the source holds signs that cannot be printed", "write an absolute path or s3://bucket/key")
    if address.startswith(_S3):
        return _plain_s3(address)
    if urlsplit(address).scheme or not Path(address).is_absolute():
        raise Unprocessable(
            "the source is no absolute path and no address in a bucket", "write /folder/file or s3://bucket/key"
        )
    try:
        return str(Path(address).resolve())
    except (OSError, RuntimeError) as error:  # links that lead round and round
        raise Unprocessable("the source leads nowhere", "write the path of a file or a folder") from error


def _plain_s3(address: str) -> str:
    bucket, *names = address.removeprefix(_S3).rstrip("/").split("/")
    if not bucket or any(name in ("", ".", "..") for name in names) or any(sign in address for sign in "?#%\\"):
        raise Unprocessable("the source is no plain address in a bucket", "write s3://bucket/key, without .. ? # or %")
    return "/".join((f"{_S3}{bucket}", *names))


def _is_below(place: str, root: str) -> bool:
    """Whether ``place`` is ``root`` or lies below it, name by name: s3://mail-2 is not below s3://mail."""
    if place.startswith(_S3) is not root.startswith(_S3):
        return False
    names, above = ([name for name in address.split("/") if name] for address in (place, root))
    return names[: len(above)] == above
