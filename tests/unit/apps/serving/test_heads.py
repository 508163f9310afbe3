"""What heads of requests say, and what of them is refused."""

import time
from math import inf
from typing import Any

import pytest

from apps.serving.errors import HeadTooLarge
from apps.serving.heads import is_asked, remaining_s, require_small_head
from apps.serving.http import Request
from libs.common.errors import BadRequest, Timeout


def request(query: bytes = b"", arrived: float | None = None, **headers: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("POST", "/", named, query=query, arrived=time.perf_counter() if arrived is None else arrived)


def test_who_says_nothing_waits_for_ever() -> None:
    assert remaining_s(request()) == inf


def test_time_counts_from_when_the_request_began_to_arrive() -> None:
    waited = request(arrived=time.perf_counter() - 40, x_request_timeout_ms="60000")
    assert remaining_s(waited) == pytest.approx(20, abs=5)


def test_a_request_that_took_too_long_to_arrive_is_late() -> None:
    with pytest.raises(Timeout):
        remaining_s(request(arrived=time.perf_counter() - 2, x_request_timeout_ms="1999"))


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "5s", "", "1" * 10, "١"])
def test_what_is_no_count_of_milliseconds_is_refused(said: str) -> None:
    with pytest.raises(BadRequest):
        remaining_s(request(x_request_timeout_ms=said))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (b"", False),
        (b"explain", True),
        (b"explain=True", True),
        (b"a=1&explain=1", True),
        (b"explain=0", False),
        (b"other", False),
    ],
)
def test_a_query_asks_by_name(query: bytes, asked: bool) -> None:
    assert is_asked(request(query), "explain") is asked


def test_a_query_that_neither_asks_nor_does_not_is_refused() -> None:
    with pytest.raises(BadRequest, match="'maybe'"):
        is_asked(request(b"explain=maybe"), "explain")


@pytest.mark.parametrize("headers", [[(b"a", b"b")] * 4, [(b"a", b"b" * 100)]])
def test_a_head_that_is_too_big_is_refused(headers: Any) -> None:
    require_small_head(headers[:1], 3, 101)
    with pytest.raises(HeadTooLarge):
        require_small_head(headers, 3, 100)
