"""The same request with the same Idempotency-Key gets the same answer: kept for a while, in this replica alone (ADR 33)."""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from apps.serving.errors import InFlight, Unprocessable
from apps.serving.http import Reply, Request
from apps.serving.router import Route
from libs.common.errors import BadRequest

# A quoted string as in draft-ietf-httpapi-idempotency-key-header-07, or the same without its quotes.
_KEY = re.compile(r'("?)([\x21\x23-\x7e]{1,255})\1')
# What an entry costs besides the body of its reply, measured: its key, its digests and headers.
_ENTRY_BYTES = 1_500

_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Answered:
    """A reply, the digest of what it answers, and until when it is kept."""

    fingerprint: bytes
    reply: Reply
    until: float

    @property
    def size_bytes(self) -> int:
        return _ENTRY_BYTES + len(self.reply.body)


class Idempotency:
    """Replies by caller and key, each for ``keep_s`` seconds of ``clock``; the oldest go first past ``limit_bytes``.

    Routes run in one event loop; `forget` may be called from any thread.
    """

    def __init__(self, keep_s: float, limit_bytes: int, clock: Callable[[], float]) -> None:
        self._keep_s = keep_s
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._in_flight: dict[_Key, bytes] = {}
        self._answered: OrderedDict[_Key, _Answered] = OrderedDict()
        self._size_bytes = 0
        self._lock = threading.Lock()
        self._era = 0

    def forget(self) -> None:
        """Drop every reply, those that are being made included: a reply may hold a line of somebody's mail."""
        with self._lock:
            self._era += 1
            self._answered.clear()
            self._size_bytes = 0

    def once(self, route: Route) -> Route:
        """``route``, answered once for each key; without a key as ever."""

        async def answer(request: Request, request_id: str) -> Reply:
            if b"idempotency-key" not in request.headers:
                return await route(request, request_id)
            return await self._answer(route, request, request_id)

        return answer

    async def _answer(self, route: Route, request: Request, request_id: str) -> Reply:
        key, fingerprint = (request.owner, _key_of(request)), _fingerprint(request)
        era = self._era
        if known := self._known(key):
            _require_same(known.fingerprint, fingerprint)
            return known.reply.with_headers([(b"idempotency-replayed", b"true")])
        if key in self._in_flight:
            _require_same(self._in_flight[key], fingerprint)
            raise InFlight("the same request is under way", "wait for its answer, or send it again later")
        self._in_flight[key] = fingerprint
        try:
            # An error is not kept: to send the request again is to ask again.
            reply = await route(request, request_id)
        finally:
            del self._in_flight[key]
        self._keep(key, _Answered(fingerprint, reply, self._clock() + self._keep_s), era)
        return reply

    def _keep(self, key: _Key, answered: _Answered, era: int) -> None:
        with self._lock:
            if era != self._era:
                return
            self._answered[key] = answered
            self._size_bytes += answered.size_bytes
            while self._size_bytes > self._limit_bytes:
                self._forget_oldest()

    def _known(self, key: _Key) -> _Answered | None:
        now = self._clock()
        with self._lock:
            while self._answered and next(iter(self._answered.values())).until <= now:
                self._forget_oldest()
            return self._answered.get(key)

    def _forget_oldest(self) -> None:
        self._size_bytes -= self._answered.popitem(last=False)[1].size_bytes


def _key_of(request: Request) -> str:
    if match := _KEY.fullmatch(request.header(b"idempotency-key")):
        return match[2]
    raise BadRequest("Idempotency-Key is no key", "write 1 to 255 visible characters of ASCII, a UUID for example")


def _fingerprint(request: Request) -> bytes:
    parts = (request.path.encode(), request.query, request.headers.get(b"content-type", b""), request.body)
    return hashlib.sha256(b"\0".join(parts)).digest()


def _require_same(known: bytes, fingerprint: bytes) -> None:
    if known != fingerprint:
        raise Unprocessable("this Idempotency-Key came with another request", "take a new key for each new request")
