"""Answers given before, by a keyed digest of what the model read: bounded in bytes and in time (ADR 34).

No content of mails is in it; of a summarizer the lines that it wrote, as long as they are kept.
"""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime
from sys import getsizeof

from cachetools import TTLCache

from libs.common.domain.triage import Email, Said, Summary
from libs.common.features.content import content_of

# What an entry takes besides its answer: its key, and its places in the cache's tables. Measured with tracemalloc where
# entries come and go: 416 to 588, by how full the tables are.
ENTRY_BYTES = 590
_FLOAT_BYTES = 24


class ResultCache:
    """One replica's answers of its live version; least recently used out first. Safe to share between threads.

    The keys' secret is made here and never leaves the process, so that nobody can look up whether a mail was seen.
    """

    def __init__(self, limit_bytes: int, time_to_live_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._answers: TTLCache[bytes, Said] = TTLCache(limit_bytes, time_to_live_s, clock, weigh)
        self._limit_bytes = limit_bytes
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._kept_for: tuple[str, datetime | None] | None = None

    @property
    def size_bytes(self) -> int:
        """What the answers weigh."""
        return int(self._answers.currsize)

    def key(self, digest: str, email: Email) -> bytes:
        """Where the answer of the model with this ``digest`` to ``email`` is kept."""
        return hmac.digest(self._secret, digest.encode() + content_of(email), "sha256")

    def get(self, key: bytes) -> Said | None:
        """The engine's own answer; None where there is none, or none any more."""
        with self._lock:
            return self._answers.get(key)

    def put(self, key: bytes, said: Said) -> None:
        """Keep an answer; one that is larger than the whole cache is not kept."""
        with self._lock:
            if weigh(said) <= self._limit_bytes:
                self._answers[key] = said

    def keep_up(self, live: str, forgotten_at: datetime | None) -> None:
        """Drop what is too old; everything, once another version is live or somebody was forgotten since the last call."""
        with self._lock:
            self._answers.expire()
            if (live, forgotten_at) == self._kept_for:
                return
            self._kept_for = live, forgotten_at
            self._answers.clear()
            # An answer that is being computed right now comes back with a key that nobody asks for again.
            self._secret = secrets.token_bytes(32)


def weigh(said: Said) -> int:
    """The bytes of memory that an answer takes in the cache; a prediction's labels are the model's own."""
    if isinstance(said, Summary):
        return ENTRY_BYTES + getsizeof(said) + getsizeof(said.text)
    floats = 1 + len(said.probabilities)
    return ENTRY_BYTES + getsizeof(said) + getsizeof(said.probabilities) + floats * _FLOAT_BYTES
