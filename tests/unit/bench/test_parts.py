from dataclasses import replace

import pytest

from bench.load.closed_loop import ClosedRun
from bench.load.open_loop import OpenRun
from bench.parts.cascade import judge_cascade
from bench.parts.closed import Visit, judge_int8, judge_tabular
from bench.parts.open import highest, is_held, judge_open
from bench.parts.overload import Overload, judge_overload, recovery_s
from bench.recording import Figure

RUN = ClosedRun(requests=1000, seconds=1.0, failed=0, refused=0, p50_ms=1.0, p95_ms=2.0, p99_ms=3.0, own_cpu=0.1)


def visit(level: int, rate: float, p50_ms: float = 1.0) -> Visit:
    run = replace(RUN, requests=round(rate), p50_ms=p50_ms)
    return Visit({1: run, level: run}, cpu_ms=1.0)


def answered(took_ms: list[float], status: list[int] | None = None) -> OpenRun:
    due = [number / 10 for number in range(len(took_ms))]
    return OpenRun(len(took_ms) / 10, due, took_ms, status or [200] * len(took_ms))


def test_rates_are_compared_round_by_round() -> None:
    visits = {"product": [visit(64, 90), visit(64, 300)], "raw_asgi": [visit(64, 100), visit(64, 100)]}
    figure = judge_tabular(visits)["tabular_to_raw_asgi"]
    assert (figure.value, figure.low, figure.high, figure.holds) == (1.95, 0.9, 3.0, True)


def test_what_a_peer_does_better_than_allowed_does_not_hold() -> None:
    visits = {"product": [visit(64, 100, 1.6)], "raw_asgi": [visit(64, 200, 1.0)], "ray_serve": [visit(64, 15)]}
    holds = {name: figure.holds for name, figure in judge_tabular(visits).items()}
    assert holds == {"tabular_to_raw_asgi": False, "tabular_p50_to_raw_asgi": False, "tabular_to_ray_serve": False}


def test_the_best_peer_is_no_bare_http_server() -> None:
    visits = {"product": [visit(8, 70)], "raw_asgi_2": [visit(8, 99)], "litserve": [visit(8, 60)], "ray_serve": [visit(8, 47)]}
    figures = judge_int8(visits, bare={(1, 2, 1): [90.0], (2, 1, 8): [100.0]})
    assert (figures["int8_to_best_peer"].baseline, figures["int8_to_best_peer"].value) == ("litserve", 1.17)
    assert (figures["int8_to_bare"].baseline, figures["int8_to_bare"].value) == ("bare_2x1_by_8", 0.7)
    assert (figures["int8_to_bare"].holds, figures["int8_to_ray_serve"].holds) == (False, False)


@pytest.mark.parametrize(("limit", "found"), [(1000.0, 98.4), (60.0, 59.4), (0.5, 0.0)])
def test_the_highest_rate_that_holds_is_found_by_bisection(limit: float, found: float) -> None:
    assert highest(lambda rate: rate <= limit, most=100.0, steps=6) == pytest.approx(found, abs=0.1)


def test_a_load_is_held_when_all_is_answered_in_time() -> None:
    assert is_held(answered([199.0] * 20))
    assert not is_held(answered([201.0] * 20))
    assert not is_held(answered([1.0] * 20, [200] * 19 + [429]))


def test_the_open_loads_are_compared_with_the_best_peer_and_with_int8() -> None:
    found = {"product": [410.0, 300.0], "litserve": [100.0, 110.0], "fastapi": [400.0, 320.0], "raw_asgi_2": [500.0, 500.0]}
    figures = judge_open(found, heavy=100.0)
    assert figures["open_to_best_peer"] == Figure(0.98, "ratio", 0.94, 1.02, "fastapi", ">= 1.0", holds=False)
    assert (figures["cascade_to_int8"].value, figures["cascade_to_int8"].holds) == (3.55, False)


def test_the_cascade_is_judged_by_its_percentiles_errors_and_light_answers() -> None:
    run = answered([10.0] * 97 + [450.0] * 3, [200] * 99 + [504])
    run.escalations = {"none": 60, "done": 30, "shed": 9}
    figures = judge_cascade(run)
    assert (figures["cascade_p50"].holds, figures["cascade_p95"].holds, figures["cascade_p99"].holds) == (True, True, True)
    assert (figures["cascade_errors"].value, figures["cascade_errors"].holds) == (1, False)
    assert figures["cascade_light_under_pressure"].value == pytest.approx(9 / 99, abs=1e-4)


def test_recovery_lasts_until_the_last_probe_that_is_slow_or_refused() -> None:
    took = [5.0] * 100
    took[62] = 80.0
    assert recovery_s(answered(took), begins_s=2.0, lasts_s=4.0) == pytest.approx(0.2)
    status = [200] * 100
    status[75] = 429
    assert recovery_s(answered([5.0] * 100, status), begins_s=2.0, lasts_s=4.0) == pytest.approx(1.5)
    assert recovery_s(answered([5.0] * 100), begins_s=2.0, lasts_s=4.0) == 0.0


def test_an_overload_is_judged_by_what_is_accepted_refused_and_lost() -> None:
    load = answered([400.0] * 6 + [1.0] * 4, [200] * 6 + [429, 429, 503, 504])
    load.retry_after = 2
    figures = judge_overload(Overload(load, answered([5.0] * 100), 2.0, 1_000, 1_200))
    found = {name.removeprefix("overload_"): figure for name, figure in figures.items()}
    assert (found["p95"].holds, found["refused"].value, found["failed"].value) == (True, 0.3, 1)
    assert (found["refused_with_retry_after"].holds, found["memory"].holds) == (False, False)


def test_a_goal_is_judged_without_changing_the_figure() -> None:
    assert Figure(1.0, "ratio", goal=">= 2").judged(False) == Figure(1.0, "ratio", goal=">= 2", holds=False)
