"""Which requests are looked at more closely, and what is kept of them: figures and a keyed digest, no content (ADR 14)."""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from apps.serving.facts import probabilities_of
from libs.common.domain.triage import Email, PredictionEvent, PredictionSample, TriageResult
from libs.common.features.content import content_of

_SHARES = 2**64


class SampleWriter(Protocol):
    """One replica's open segment of samples."""

    def append(self, entry: PredictionSample) -> object:
        """Write one sample."""
        ...


class Sampler:
    """Keeps a ``rate`` of the requests; without a ``key`` their content is not even hashed."""

    def __init__(self, rate: float, key: bytes | None, writer: SampleWriter) -> None:
        self._rate = rate
        self._key = key
        self._writer = writer

    def takes(self, request_id: str) -> bool:
        """Whether this request is one of them."""
        return is_sampled(request_id, self._rate)

    def take(self, event: PredictionEvent, result: TriageResult, email: Email) -> None:
        """Write the sample of an answer."""
        self._writer.append(
            PredictionSample(
                at=event.at,
                request_id=event.request_id,
                model=event.model,
                version=event.version,
                variant=event.variant,
                outcome=event.outcome,
                latency_ms=event.latency_ms,
                label=event.label,
                probabilities=probabilities_of(result.said),
                escalation=event.escalation,
                cached=result.cached,
                input_hash=hmac.new(self._key, content_of(email), "sha256").hexdigest() if self._key else "",
            )
        )


def is_sampled(request_id: str, rate: float) -> bool:
    """The same answer in every process and for ever: by a digest of the id alone, of which ``rate`` is a share of all."""
    share = int.from_bytes(hashlib.sha256(b"sample " + request_id.encode()).digest()[:8], "big")
    return share < rate * _SHARES


def own_key(path: Path) -> bytes:
    """The installation's own key, made with mode 0600 where it is missing: of two processes that make one, one wins."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_bytes()
