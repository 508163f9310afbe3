"""An answer comes back as it was given: as long as it is young, its model live, and nobody was forgotten."""

import tracemalloc
from datetime import UTC, datetime

import numpy as np
import pytest

from apps.serving.result_cache import ResultCache, weigh
from libs.common.domain.triage import Prediction
from libs.common.models.base import answers
from tests.unit.apps.serving.fakes import LABELS, mail

ANSWER = Prediction("spam", 0.75, {"spam": 0.75, "work": 0.25})
FORGOTTEN = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> ResultCache:
    return ResultCache(100_000, 60, clock)


def test_the_engines_own_answer_comes_back_to_the_same_content_and_model_only(cache: ResultCache) -> None:
    cache.put(cache.key("digest-1", mail("a")), ANSWER)
    assert cache.get(cache.key("digest-1", mail("a"))) is ANSWER
    assert cache.get(cache.key("digest-1", mail("b"))) is None
    assert cache.get(cache.key("digest-2", mail("a"))) is None


def test_two_replicas_share_no_keys(cache: ResultCache) -> None:
    assert cache.key("digest-1", mail()) != ResultCache(1000, 60).key("digest-1", mail())


def test_an_old_answer_is_not_given_and_soon_not_kept(cache: ResultCache, clock: Clock) -> None:
    cache.keep_up("digest-1", None)
    key = cache.key("digest-1", mail())
    cache.put(key, ANSWER)
    clock.now = 59
    cache.keep_up("digest-1", None)
    assert cache.get(key) is ANSWER
    clock.now = 60
    assert cache.get(key) is None
    cache.keep_up("digest-1", None)
    assert cache.size_bytes == 0


@pytest.mark.parametrize(("live", "forgotten_at"), [("digest-2", None), ("digest-1", FORGOTTEN)])
def test_another_version_or_an_erasure_drops_every_answer(cache: ResultCache, live: str, forgotten_at: datetime | None) -> None:
    cache.keep_up("digest-1", None)
    key = cache.key("digest-1", mail())
    cache.put(key, ANSWER)
    cache.keep_up(live, forgotten_at)
    assert cache.size_bytes == 0
    cache.put(key, ANSWER)  # it was being computed meanwhile
    assert cache.get(cache.key("digest-1", mail())) is None


def test_it_takes_no_more_memory_than_it_may() -> None:
    limit_bytes, probabilities = 4_000_000, np.linspace(0, 1, 20_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        cache = ResultCache(limit_bytes, 60)
        for number, share in enumerate(probabilities):
            (answer,) = answers(LABELS, np.array([[share, 1 - share]]))
            cache.put(cache.key("digest-1", mail(str(number))), answer)
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 * limit_bytes < taken <= 1.05 * limit_bytes
    assert limit_bytes - weigh(ANSWER) < cache.size_bytes <= limit_bytes


def test_the_least_recently_used_goes_first_and_what_is_too_large_is_not_kept() -> None:
    cache = ResultCache(2 * weigh(ANSWER), 60)
    keys = {text: cache.key("digest-1", mail(text)) for text in "abcd"}
    for text in "ab":
        cache.put(keys[text], ANSWER)
    cache.get(keys["a"])
    cache.put(keys["c"], ANSWER)
    cache.put(keys["d"], Prediction("x", 1.0, {str(number): 0.0 for number in range(1000)}))
    assert [text for text, key in keys.items() if cache.get(key)] == ["a", "c"]
