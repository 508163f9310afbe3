"""Five times what the product can answer: who is accepted and how soon, who is refused and how, memory, and the way back."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from bench.contestants.lineup import PRODUCT, Started
from bench.load.closed_loop import run_closed
from bench.load.open_loop import OpenRun, run_open
from bench.parts.goals import at_most, below, none_of
from bench.parts.setup import Setup
from bench.recording import Figure

TIMES = 5
_BEFORE_S, _AFTER_S, _PROBES = 4.0, 8.0, 20.0
_CONNECTIONS = 64
_MOST_P95_MS, _MOST_RECOVERY_S = 500.0, 5.0
_FLAT = 1.1
# Normal again: no slower than twice what 95 of 100 probes took before, and never asked to be sooner than this.
_NORMAL_TIMES, _NORMAL_MS = 2.0, 50.0


@dataclass(frozen=True, slots=True)
class Overload:
    """The load, the probes that ran before, beside and after it, and memory before and at its highest."""

    load: OpenRun
    probes: OpenRun
    capacity: float
    before_bytes: int
    peak_bytes: int


def measure_overload(setup: Setup) -> dict[str, Figure]:
    """Load the product with the cascade, five times beyond what it answers at 64 connections."""
    with setup.started(PRODUCT, "cascade") as one:
        capacity = run_closed(one.url, _CONNECTIONS, setup.seconds.closed, setup.bodies.path).rate
        whole_s = _BEFORE_S + setup.seconds.overload + _AFTER_S
        with ThreadPoolExecutor(2) as clients:
            probing = clients.submit(run_open, one.url, _PROBES, whole_s, setup.bodies.path)
            time.sleep(_BEFORE_S)
            before = one.resident_bytes()
            loading = clients.submit(run_open, one.url, TIMES * capacity, setup.seconds.overload, setup.bodies.path)
            peak = max(before, _peak(one, loading))
            found = Overload(loading.result(), probing.result(), capacity, before, peak)
    return judge_overload(found)


def judge_overload(found: Overload) -> dict[str, Figure]:
    """The figures against the goals."""
    load, refused = found.load, found.load.refused
    told = load.retry_after / refused if refused else 1.0
    return {
        "overload_seconds": Figure(load.seconds, "s"),
        "overload_offered": Figure(round(load.sent / load.seconds, 1), "requests/s"),
        "overload_capacity": Figure(round(found.capacity, 1), "requests/s"),
        "overload_accepted": Figure(round(load.accepted / load.seconds, 1), "requests/s"),
        "overload_p95": below(load.percentile_ms(95), _MOST_P95_MS, "ms"),
        "overload_refused": Figure(round(refused / load.sent, 4), "of the requests"),
        "overload_refused_with_retry_after": Figure(round(told, 4), "of the refused", goal="1", holds=told == 1),
        "overload_failed": none_of(load.sent - load.accepted - refused, "requests"),
        "overload_memory": at_most([found.peak_bytes / found.before_bytes], _FLAT, "before"),
        "overload_recovery": below(recovery_s(found.probes, _BEFORE_S, load.seconds), _MOST_RECOVERY_S, "s"),
        "overload_client_late": Figure(round(load.late_ms, 2), "ms in 99 of 100 cases"),
        "overload_client_cpu": Figure(round(load.own_cpu, 3), "of a core"),
    }


def recovery_s(probes: OpenRun, begins_s: float, lasts_s: float) -> float:
    """How long after the load ended the last probe was refused or not answered in normal time."""
    sent = list(zip(probes.due_s, probes.took_ms, probes.status, strict=True))
    usual = sorted(took for due, took, _ in sent if due < begins_s - 1)
    normal_ms = max(_NORMAL_MS, _NORMAL_TIMES * usual[int(0.95 * len(usual))])
    ended_s = begins_s + lasts_s
    late = [due - ended_s for due, took, status in sent if due >= ended_s and (status != 200 or took > normal_ms)]
    return max(late, default=0.0)


def _peak(one: Started, loading: "Future[OpenRun]") -> int:
    """The most memory that was seen while the load ran, looked at once a second."""
    peak = 0
    while not loading.done():
        peak = max(peak, one.resident_bytes())
        time.sleep(1)
    return peak
