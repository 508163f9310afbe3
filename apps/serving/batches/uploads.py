"""A body that is sent with an order: taken piece by piece, bounded, and kept whole or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from apps.serving.errors import BodyTooLarge, UnsupportedMediaType
from libs.common.desk import Unprocessable

# The name decides how it is read, so that it is ours, and no part of what a caller wrote.
NAMES = {
    "application/mbox": "mail.mbox",
    "application/vnd.apache.parquet": "mail.parquet",
    "text/csv": "mail.csv",
    "application/jsonl": "mail.jsonl",
    "application/x-ndjson": "mail.jsonl",
    "application/zip": "mail.zip",
    "application/gzip": "mail.tar.gz",
    "application/x-tar": "mail.tar",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A body on this machine's disk: what it is to be called, and its SHA-256."""

    path: Path
    name: str
    digest: str


def name_for(content_type: str) -> str:
    """What a body of this kind is called; UnsupportedMediaType for any other."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in NAMES:
        raise UnsupportedMediaType(f"a batch cannot be made of {kind or 'a body without a kind'}", ("application/json", *NAMES))
    return NAMES[kind]


async def take(pieces: AsyncIterator[bytes], name: str, folder: Path, limit_bytes: int) -> Upload:
    """Write a body into ``folder``; BodyTooLarge as soon as it is longer than the limit, Unprocessable where it is empty."""
    path, digest, taken = folder / name, hashlib.sha256(), 0
    with path.open("xb") as file:
        async for piece in pieces:
            taken += len(piece)
            require_room(taken, limit_bytes)
            digest.update(piece)
            await asyncio.to_thread(file.write, piece)
    if not taken:
        raise Unprocessable("the body is empty", "send a mailbox, a table or an archive, or order a source as JSON")
    return Upload(path, name, digest.hexdigest())


def require_room(size_bytes: int, limit_bytes: int) -> None:
    """BodyTooLarge where a body has more bytes than may be sent."""
    if size_bytes > limit_bytes:
        hint = "send it in pieces, or have it put below one of model_serving.batches.roots"
        raise BodyTooLarge(f"the body is longer than {limit_bytes} bytes", hint)
