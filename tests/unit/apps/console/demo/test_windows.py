"""Stretches of the load hold every e-mail once, and their figures are those of their own requests."""

import math
from dataclasses import replace

import pytest

from apps.console.demo.load_records import Kind
from apps.console.demo.windows import stretch, stretches
from tests.unit.apps.console.demo.accounts import BEGAN, request

T0 = BEGAN.timestamp()


def test_every_email_lies_in_exactly_one_stretch() -> None:
    requests = [request(number, number * 0.7, "1", True) for number in range(500)]
    feedback = [replace(each, kind=Kind.FEEDBACK, status=202) for each in requests]
    cut = stretches([*requests, *feedback], 40)
    assert 20 <= len(cut) <= 41
    assert sorted(each.request_id for part in cut for each in part.emails) == sorted(each.request_id for each in requests)
    assert {part.end - part.start for part in cut} == {10}
    assert all(part.start <= each.due_at < part.end for part in cut for each in part.emails)


def test_figures_of_a_stretch() -> None:
    requests = [request(n, n, "1" if n < 3 else "2", right=n != 0) for n in range(10)]
    requests.append(replace(request(10, 9.5, "", True), status=503))
    part = stretch(requests, T0, T0 + 10)
    assert (part.accuracy().right, part.accuracy().count) == (9, 10)
    assert (part.accuracy("1").right, part.accuracy("1").count) == (2, 3)
    assert part.traffic() == {"1": pytest.approx(0.3), "2": pytest.approx(0.7)}
    assert part.failed == 1
    assert 5 <= part.latency_ms(0.5) <= part.latency_ms(0.95) <= 11


def test_an_empty_stretch_has_no_figures() -> None:
    part = stretch([], 0, 1)
    assert (part.accuracy().count, part.traffic(), part.failed) == (0, {}, 0)
    assert math.isnan(part.latency_ms(0.5))
    assert stretches([], 10) == []


def test_an_email_that_is_sent_again_counts_once_for_a_version() -> None:
    again = [replace(request(n, n, "1", right=True), mail=f"calm:{n % 3}") for n in range(9)]
    other = replace(request(9, 9, "2", right=False), mail="calm:0")
    part = stretch([*again, other], T0, T0 + 10)
    assert (part.accuracy().right, part.accuracy().count) == (3, 4)
