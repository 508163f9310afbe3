"""The records are asked whose token it is once in a while, and what was true stays true while they are away."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import pytest

from apps.serving import key_ring
from apps.serving.key_ring import KeyRing
from libs.common.domain.audit import Actor, Role
from libs.common.errors import NotAuthorised, StoreError


@dataclass
class Records:
    """Tokens by owner; counts who asks."""

    owners: dict[str, str] = field(default_factory=lambda: {"tri_ann": "ann"})
    asked: Counter[str] = field(default_factory=Counter)
    away: bool = False

    def authenticate(self, token: str) -> Actor:
        self.asked[token] += 1
        if self.away:
            raise StoreError("the database does not answer")
        if token not in self.owners:
            raise NotAuthorised("the token is unknown")
        return Actor(name=self.owners[token], role=Role.ENGINEER)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


async def test_many_requests_are_one_question() -> None:
    records, clock = Records(), Clock()
    ring = KeyRing(records, 30, clock)
    assert await asyncio.gather(*(ring.owner_of("tri_ann") for _ in range(20))) == ["ann"] * 20
    clock.now += 29
    assert await ring.owner_of("tri_ann") == "ann"
    assert records.asked == {"tri_ann": 1}


async def test_a_removed_principal_is_out_after_a_while() -> None:
    records, clock = Records(), Clock()
    ring = KeyRing(records, 30, clock)
    await ring.owner_of("tri_ann")
    records.owners.clear()
    assert await ring.owner_of("tri_ann") == "ann"
    clock.now += 30
    with pytest.raises(NotAuthorised):
        await ring.owner_of("tri_ann")


async def test_a_token_that_is_nobodys_is_not_asked_about_again_and_again() -> None:
    records, clock = Records(), Clock()
    ring = KeyRing(records, 30, clock)
    for _ in range(3):
        with pytest.raises(NotAuthorised):
            await ring.owner_of("tri_eve")
    assert records.asked == {"tri_eve": 1}


async def test_while_the_records_are_away_who_was_known_comes_in() -> None:
    records, clock = Records(), Clock()
    ring = KeyRing(records, 30, clock)
    await ring.owner_of("tri_ann")
    records.away, clock.now = True, clock.now + 60
    assert await ring.owner_of("tri_ann") == "ann"
    with pytest.raises(StoreError):
        await ring.owner_of("tri_bob")
    records.away, records.owners["tri_bob"] = False, "bob"
    assert await ring.owner_of("tri_bob") == "bob"


async def test_who_tries_tokens_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ring, "MAX_TOKENS", 3)
    records, clock = Records(), Clock()
    ring = KeyRing(records, 30, clock)
    for token in ("tri_1", "tri_2", "tri_3", "tri_4", "tri_1"):
        with pytest.raises(NotAuthorised):
            await ring.owner_of(token)
    assert records.asked["tri_1"] == 2
