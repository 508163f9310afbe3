"""How much one key may ask: a token bucket for bursts and a count for the day. Pure; ``now`` is in seconds since 1970."""

import math
from dataclasses import dataclass, replace

from libs.common.config.model_serving import KeyLimit

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Balance:
    """What a key has at the time ``at``: tokens of its bucket, and e-mails asked on its ``day`` (UTC, days since 1970).

    A list of e-mails may take more tokens than there are: then the next request waits until the debt is paid.
    """

    tokens: float
    at: float
    day: int
    asked: int


def opened(limit: KeyLimit, now: float) -> Balance:
    """The balance of a key that is seen for the first time."""
    return Balance(limit.burst, now, int(now // DAY_S), 0)


def refilled(balance: Balance, limit: KeyLimit, now: float) -> Balance:
    """``balance`` as it is at ``now``; a clock that is set back fills nothing."""
    now = max(now, balance.at)
    tokens = min(limit.burst, balance.tokens + (now - balance.at) * limit.emails_per_second)
    day = int(now // DAY_S)
    return Balance(tokens, now, day, balance.asked if day == balance.day else 0)


def spent(balance: Balance, emails: int) -> Balance:
    """``balance`` after that many e-mails more."""
    return replace(balance, tokens=balance.tokens - emails, asked=balance.asked + emails)


def wait_s(balance: Balance, limit: KeyLimit) -> float:
    """How long the next request must wait; 0 where it may come in now."""
    for_token = (1 - balance.tokens) / limit.emails_per_second if balance.tokens < 1 else 0.0
    return max(for_token, _left_of_day_s(balance) if balance.asked >= limit.emails_per_day else 0.0)


def rate_limit_fields(balance: Balance, limit: KeyLimit) -> tuple[str, str]:
    """The values of ``RateLimit-Policy`` and ``RateLimit`` (draft-ietf-httpapi-ratelimit-headers-10), counted in e-mails."""
    window_s = math.ceil(limit.burst / limit.emails_per_second)
    policy = f'"burst";q={limit.burst};w={window_s}, "day";q={limit.emails_per_day};w={DAY_S}'
    left, full_s = math.floor(balance.tokens), math.ceil((limit.burst - balance.tokens) / limit.emails_per_second)
    left_today, over_s = limit.emails_per_day - balance.asked, math.ceil(_left_of_day_s(balance))
    return policy, f'"burst";r={max(0, left)};t={full_s}, "day";r={max(0, left_today)};t={over_s}'


def _left_of_day_s(balance: Balance) -> float:
    return (balance.day + 1) * DAY_S - balance.at
