"""Who answers: the desired traffic of one model, and the choice for one request."""

import hashlib
from datetime import datetime

from libs.common.domain.model import ModelRef
from libs.common.domain.triage import Variant
from libs.common.domain.value import Value

_BUCKETS = 2**32


class TrafficSplit(Value):
    """Where requests go right now."""

    stable: ModelRef | None
    candidate: ModelRef | None = None
    weight: float = 0.0
    mirror: bool = False

    def choose(self, key: str) -> Variant:
        """The variant for ``key``: sticky while the candidate stays, and only ever moving to it as its weight grows."""
        bucket = self.bucket(key)
        return Variant.CANDIDATE if bucket is not None and bucket < self.weight * _BUCKETS else Variant.STABLE

    def bucket(self, key: str) -> int | None:
        """Where ``key`` falls among 2³² equal shares of the traffic; None without a candidate."""
        if self.candidate is None:
            return None
        salted = f"{self.candidate}:{key}".encode()
        return int.from_bytes(hashlib.sha256(salted).digest()[:4], "big")


class Traffic(Value):
    """The desired traffic of one model: one row in the records store, applied by every replica.

    ``warm`` are versions kept loaded; ``revision`` grows with every change. While a rollout runs it holds a lease:
    past ``lease_expires_at`` the replicas go back to stable by themselves. ``forgotten_at`` is when somebody was last
    forgotten: replicas keep no answer from before.
    """

    model: str
    stable: ModelRef | None = None
    candidate: ModelRef | None = None
    weight: float = 0.0
    mirror: bool = False
    warm: tuple[ModelRef, ...] = ()
    lease_expires_at: datetime | None = None
    forgotten_at: datetime | None = None
    revision: int = 0

    def at(self, now: datetime) -> TrafficSplit:
        """The split to apply at ``now``: stable alone once the lease has run out."""
        if self.lease_expires_at is not None and now >= self.lease_expires_at:
            return TrafficSplit(stable=self.stable)
        return TrafficSplit(stable=self.stable, candidate=self.candidate, weight=self.weight, mirror=self.mirror)

    def alone(self, stable: ModelRef | None, warm: tuple[ModelRef, ...]) -> "Traffic":
        """The same row with ``stable`` alone in it: no candidate, no lease."""
        changes = {"stable": stable, "warm": warm, "candidate": None, "weight": 0.0, "mirror": False}
        return self.model_copy(update={**changes, "lease_expires_at": None})


class ReplicaReport(Value):
    """What one replica has applied and loaded; ``loaded`` are digests."""

    model: str
    replica: str
    revision: int
    loaded: tuple[str, ...]
    at: datetime
