import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.stats.intervals import wilson_interval
from libs.common.stats.sequential import NO_EVIDENCE, Evidence, weigh_rates, weigh_share

ALPHA = 0.05


def canary(random: np.random.Generator, ratio: float, bad_rate: float, requests: int = 20_000) -> Evidence:
    """A canary 5 → 25 → 50 % over ``requests``, whose candidate has ``ratio`` times the bad events of stable."""
    shares = np.repeat([0.05, 0.25, 0.5], requests // 3)
    candidate = random.random(len(shares)) < shares
    bad = random.random(len(shares)) < np.where(candidate, ratio * bad_rate, bad_rate)
    return weigh_rates(candidate[bad], shares[bad])


@pytest.mark.parametrize("bad_rate", [0.001, 0.01, 0.06])
def test_equal_versions_are_rarely_rolled_back_however_often_one_looks(bad_rate: float) -> None:
    random = np.random.default_rng(11)
    replays = 2000
    rejected = sum(canary(random, 1.0, bad_rate).rejects(ALPHA) for _ in range(replays))
    assert wilson_interval(rejected, replays).high <= ALPHA


def test_a_better_candidate_is_rolled_back_even_more_rarely() -> None:
    random = np.random.default_rng(12)
    assert sum(canary(random, 0.5, 0.02).rejects(ALPHA) for _ in range(300)) <= 1


@pytest.mark.parametrize(("ratio", "bad_rate", "power"), [(2.5, 0.008, 0.95), (1.5, 0.02, 0.7), (10.0, 0.001, 0.95)])
def test_a_worse_candidate_is_found(ratio: float, bad_rate: float, power: float) -> None:
    random = np.random.default_rng(13)
    replays = 200
    found = sum(canary(random, ratio, bad_rate).rejects(ALPHA) for _ in range(replays))
    assert wilson_interval(found, replays).low >= power


def test_a_rate_that_swings_over_the_day_does_no_harm() -> None:
    random = np.random.default_rng(14)
    shares = np.full(10_000, 0.25)
    bad_rate = np.where(np.arange(10_000) // 1000 % 2, 0.1, 0.001)
    rejected = 0
    for _ in range(500):
        candidate, bad = random.random(10_000) < shares, random.random(10_000) < bad_rate
        rejected += weigh_rates(candidate[bad], shares[bad]).rejects(ALPHA)
    assert wilson_interval(rejected, 500).low <= ALPHA


def test_only_the_candidate_fails_is_found_within_a_handful() -> None:
    assert weigh_rates(np.ones(4, dtype=bool), np.full(4, 0.05)).rejects(ALPHA)
    assert not weigh_rates(np.ones(1, dtype=bool), np.full(1, 0.05)).rejects(ALPHA)


def test_the_share_test_keeps_its_bound_and_finds_an_excess() -> None:
    random = np.random.default_rng(15)
    tolerated = [weigh_share(random.random(2000) < 0.05, 0.05).rejects(ALPHA) for _ in range(2000)]
    assert wilson_interval(sum(tolerated), 2000).high <= ALPHA
    assert all(weigh_share(random.random(400) < 0.2, 0.05).rejects(ALPHA) for _ in range(100))


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 0.99)), max_size=60))
def test_replay_gives_the_same_evidence_to_the_bit(events: list[tuple[bool, float]]) -> None:
    whose = np.array([candidate for candidate, _ in events], dtype=bool)
    shares = np.array([share for _, share in events], dtype=float)
    evidence = weigh_rates(whose, shares)
    assert evidence == weigh_rates(whose.copy(), shares.copy())
    assert evidence.log_peak >= max(evidence.log_last, 0.0)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_a_rejection_is_never_taken_back(whose: list[bool], share: float) -> None:
    peaks = [weigh_rates(np.array(whose[:end]), np.full(end, share)).log_peak for end in range(1, len(whose) + 1)]
    assert peaks == sorted(peaks)


def test_wealth_is_one_in_expectation_over_the_next_event() -> None:
    share = 0.3
    after_candidate = weigh_rates(np.array([True]), np.array([share])).wealth
    after_stable = weigh_rates(np.array([False]), np.array([share])).wealth
    assert share * after_candidate + (1 - share) * after_stable == pytest.approx(1.0)


def test_no_event_is_no_evidence() -> None:
    assert weigh_rates(np.array([], dtype=bool), np.array([])) == NO_EVIDENCE
    assert not NO_EVIDENCE.rejects(ALPHA) and not NO_EVIDENCE.doubts(ALPHA)
    assert NO_EVIDENCE.wealth == 1.0


def test_endless_failures_do_not_overflow() -> None:
    assert np.isfinite(weigh_rates(np.ones(5000, dtype=bool), np.full(5000, 0.05)).wealth)
