"""Lets callers in by their key, as often as its limits allow: kept in this replica alone (ADR 33)."""

import math
from collections.abc import Callable, Mapping

from apps.serving.errors import OverLimit
from apps.serving.http import Headers
from apps.serving.key_ring import KeyRing
from apps.serving.quota import Balance, opened, rate_limit_fields, refilled, spent, wait_s
from libs.common.config.model_serving import Keys
from libs.common.errors import NotAuthorised


class Doorman:
    """Knows the balance of every key that has called; ``clock`` gives seconds since 1970."""

    def __init__(self, keys: Keys, ring: KeyRing, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._ring = ring
        self._clock = clock
        self._balances: dict[str, Balance] = {}

    async def admit(self, headers: Mapping[bytes, bytes]) -> str:
        """The principal whose key is in ``headers``, who pays for one e-mail. NotAuthorised or OverLimit."""
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotAuthorised("no key was sent", "send Authorization: Bearer …, the token of a principal")
        owner = await self._ring.owner_of(token.strip())
        limit = self._keys.limit_of(owner)
        now = self._clock()
        balance = refilled(self._balances.get(owner) or opened(limit, now), limit, now)
        self._balances[owner] = balance
        if wait := wait_s(balance, limit):
            fields = (*self.fields(owner), (b"retry-after", b"%d" % math.ceil(wait)))
            raise OverLimit(f"{owner} has asked too much", f"come again in {math.ceil(wait)} s", fields)
        self.charge(owner, 1)
        return owner

    def charge(self, owner: str, emails: int) -> None:
        """Let ``owner``, who was admitted, pay for so many e-mails."""
        self._balances[owner] = spent(self._balances[owner], emails)

    def fields(self, owner: str) -> Headers:
        """What ``owner`` may still ask, as RateLimit headers."""
        policy, left = rate_limit_fields(self._balances[owner], self._keys.limit_of(owner))
        return (b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())
