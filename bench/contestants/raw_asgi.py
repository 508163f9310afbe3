"""The least that HTTP costs: a plain ASGI application that answers in the event loop itself, under uvicorn."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from bench.contestants.engine import answer, load_engine

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RawAsgi:
    """One engine, one e-mail at a time."""

    def __init__(self) -> None:
        self._engine = load_engine()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer any HTTP request as one for a classification."""
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        reply = orjson.dumps(answer(self._engine, [orjson.loads(body)])[0])
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})
