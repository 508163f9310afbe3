"""Whose token it is, asked of the records once in a while and not once a request."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from apps.serving.feedback import Principals
from libs.common.errors import NotAuthorised, StoreError
from libs.common.logs import get_logger

logger = get_logger("serving.key_ring")

# Tokens that are nobody's are remembered too, so that a caller who keeps trying one asks the records no more often.
MAX_TOKENS = 10_000


@dataclass(slots=True)
class _Known:
    """What is known of a token: ``owner`` is None where it is nobody's; ``coming`` while the records are asked."""

    owner: str | None = None
    until: float = 0.0
    coming: "asyncio.Task[None] | None" = None


class KeyRing:
    """The owners of the tokens seen lately; an answer is believed for ``remember_s`` seconds of ``clock``."""

    def __init__(self, principals: Principals, remember_s: float, clock: Callable[[], float]) -> None:
        self._principals = principals
        self._remember_s = remember_s
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def owner_of(self, token: str) -> str:
        """The principal's name; NotAuthorised where nobody's, StoreError where it is new and the records are away."""
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._known.setdefault(digest, _Known())
        if self._clock() >= known.until:
            await self._renew(known, token)
        if len(self._known) > MAX_TOKENS:
            self._known.popitem(last=False)
        if known.owner is None:
            raise NotAuthorised("the token is unknown", "pass the token that `triage principal add` printed")
        return known.owner

    async def _renew(self, known: _Known, token: str) -> None:
        """Ask the records once, however many wait; while they are away, what was true stays true."""
        if known.coming is None:
            known.coming = asyncio.create_task(self._look_up(known, token))
        await asyncio.shield(known.coming)

    async def _look_up(self, known: _Known, token: str) -> None:
        try:
            known.owner = (await asyncio.to_thread(self._principals.authenticate, token)).name
        except NotAuthorised:
            known.owner = None
        except StoreError:
            if known.owner is None:
                raise
            logger.warning("the records are away; %s is still let in", known.owner)
        finally:
            known.coming = None
        known.until = self._clock() + self._remember_s
