"""Mails of a campaign find each other; other mails stay apart, in whatever order they come."""

import random

from hypothesis import given
from hypothesis import strategies as st

from apps.training.datasets.near_duplicates import campaigns, signature
from apps.training.synthetic import generate
from libs.common.features.cleaning import CleanEmail, clean

WORDS = [f"word{number}" for number in range(400)]


def text(seed: int, words: int = 120) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def changed(whole: str, seed: int, words: int) -> str:
    parts = whole.split()
    for place in random.Random(seed).sample(range(len(parts)), words):
        parts[place] = f"other{seed}x{place}"
    return " ".join(parts)


def signed(whole: str) -> bytes:
    return signature(CleanEmail("Your account", whole))


def agreement(first: bytes, second: bytes) -> float:
    return sum(a == b for a, b in zip(batched(first), batched(second), strict=True)) / 64


def batched(signature: bytes) -> list[bytes]:
    return [signature[place : place + 4] for place in range(0, len(signature), 4)]


def test_a_planted_campaign_is_found_whole_and_nothing_else() -> None:
    mails = {f"single {seed}": signed(text(seed)) for seed in range(200)}
    planted = {f"campaign {seed}": signed(changed(text(1000), seed, 2)) for seed in range(40)}
    assert campaigns({**mails, **planted}) == (tuple(sorted(planted)),)


@given(st.permutations(range(12)))
def test_the_order_does_not_matter(order: list[int]) -> None:
    mails = {f"{seed:02d}": signed(changed(text(seed % 3), seed, 1)) for seed in order}
    assert campaigns(mails) == tuple(tuple(f"{seed:02d}" for seed in range(first, 12, 3)) for first in range(3))


def test_signatures_agree_as_far_as_the_mails_do() -> None:
    whole = text(1, 300)
    assert agreement(signed(whole), signed(text(2, 300))) < 0.1
    # 10 of 300 words changed: 30 triples of either side are gone, so Jaccard is 270 / 330 = 0.82.
    assert 0.65 < agreement(signed(whole), signed(changed(whole, 5, 10))) < 0.95


def test_short_texts_and_quoted_texts_make_no_campaign() -> None:
    assert signed("thanks, see you then") == b""
    assert campaigns({"a": b"", "b": b""}) == ()
    answers = {name: signature(CleanEmail("Re: x", text(seed), text(99, 500))) for seed, name in enumerate("abc")}
    assert campaigns(answers) == ()


def test_synthetic_mails_are_no_campaign() -> None:
    mails = {mail.email.message_id: signature(clean(mail.email)) for mail in generate(1500, seed=3)}
    assert sum(map(len, campaigns(mails))) < 15
