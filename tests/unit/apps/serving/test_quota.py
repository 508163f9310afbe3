"""No key gets more than its limits, whatever it asks and whenever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.serving.quota import DAY_S, opened, rate_limit_fields, refilled, spent, wait_s
from libs.common.config.model_serving import KeyLimit

LIMIT = KeyLimit(emails_per_second=2, burst=10, emails_per_day=1_000)
NOON = 20_000 * DAY_S + 43_200.0


def test_a_burst_goes_through_and_the_next_waits_for_a_token() -> None:
    balance = spent(opened(LIMIT, NOON), 10)
    assert wait_s(balance, LIMIT) == pytest.approx(0.5)
    assert wait_s(refilled(balance, LIMIT, NOON + 0.5), LIMIT) == 0


def test_a_list_runs_into_debt_that_is_paid_before_the_next() -> None:
    balance = spent(opened(LIMIT, NOON), 30)
    assert wait_s(balance, LIMIT) == pytest.approx(10.5)


def test_the_day_is_over_at_midnight_utc() -> None:
    balance = refilled(spent(opened(LIMIT, NOON), 1_000), LIMIT, NOON + 3_600)
    assert wait_s(balance, LIMIT) == 43_200 - 3_600
    assert wait_s(refilled(balance, LIMIT, NOON + 43_200), LIMIT) == 0


def test_a_clock_that_is_set_back_fills_nothing() -> None:
    empty = spent(opened(LIMIT, NOON), 10)
    assert refilled(empty, LIMIT, NOON - 2 * DAY_S) == empty


def test_the_fields_say_what_may_be_asked_and_what_is_left() -> None:
    policy, left = rate_limit_fields(spent(opened(LIMIT, NOON), 4), LIMIT)
    assert policy == '"burst";q=10;w=5, "day";q=1000;w=86400'
    assert left == '"burst";r=6;t=2, "day";r=996;t=43200'


asks = st.lists(st.tuples(st.floats(0, 20_000), st.integers(1, 256)), max_size=60)


@given(asks=asks)
def test_never_more_than_the_limits_and_one_list(asks: list[tuple[float, int]]) -> None:
    now, balance, admitted, today = NOON, opened(LIMIT, NOON), 0, 0
    for pause, emails in asks:
        now += pause
        before = balance.day
        balance = refilled(balance, LIMIT, now)
        today = today if balance.day == before else 0
        if wait_s(balance, LIMIT) == 0:
            balance = spent(balance, emails)
            admitted, today = admitted + emails, today + emails
        # Debt is at most what one list asked for beyond its last token.
        assert admitted <= LIMIT.burst + (now - NOON) * LIMIT.emails_per_second + 256
        assert today < LIMIT.emails_per_day + 256


@given(emails=st.integers(0, 3_000))
def test_who_waits_as_told_comes_in(emails: int) -> None:
    balance = spent(opened(LIMIT, NOON), emails)
    later = NOON + wait_s(balance, LIMIT) + 1e-3
    assert wait_s(refilled(balance, LIMIT, later), LIMIT) == 0
