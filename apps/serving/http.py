"""The little HTTP that the hot path needs, straight on ASGI; no framework (ADR 17)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]


class ClientGone(Exception):
    """The caller hung up before its request was read."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, wholly read; header names are lower case.

    ``arrived`` is when its head was read, by `time.perf_counter`; ``owner`` the principal whose key it carries, where keys
    are required. ``parameters`` are the parts of its path that have a name.
    """

    method: str
    path: str
    headers: dict[bytes, bytes]
    body: bytes = b""
    query: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    arrived: float = 0.0
    owner: str = ""

    def header(self, name: bytes) -> str:
        """The header's value, empty where it is absent."""
        return self.headers.get(name, b"").decode("latin-1").strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: Headers = ()

    def with_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> "Reply":
        """The same reply with more headers."""
        return replace(self, headers=(*self.headers, *headers))


def header_in(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The first value of a header, empty where it is absent."""
    return next((value for key, value in headers if key == name), b"")


async def read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """The whole body; None as soon as it is longer than ``limit_bytes``. ClientGone when the caller hangs up."""
    message = await receive()
    body = _chunk_of(message)
    if len(body) <= limit_bytes and not message.get("more_body", False):
        return body
    chunks, size = [body], len(body)
    while size <= limit_bytes and message.get("more_body", False):
        message = await receive()
        chunks.append(_chunk_of(message))
        size += len(chunks[-1])
    return None if size > limit_bytes else b"".join(chunks)


async def send_reply(send: Send, reply: Reply) -> None:
    """Send ``reply`` in two ASGI messages."""
    headers = [(b"content-type", reply.content_type), (b"content-length", b"%d" % len(reply.body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def live_through(receive: Receive, send: Send) -> None:
    """Answer the server's lifespan messages; nothing is started or stopped by them."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _chunk_of(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b"")
