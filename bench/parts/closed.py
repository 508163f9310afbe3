"""Closed loop: how much each contestant answers, and how soon, at one connection and at several."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.contestants.bare_loop import run_bare
from bench.contestants.lineup import CORES, LIMITS, PRODUCT
from bench.load.closed_loop import ClosedRun, run_closed
from bench.parts.goals import at_least, at_most
from bench.parts.setup import Setup
from bench.recording import Figure, spread

LEVELS = (1, 8, 16, 64)
_JUDGED_LEVELS = (1, 64)
_INT8_LEVEL = 8
# The product against whom, and at least (rates) how much of theirs.
_TABULAR_GOALS = {"raw_asgi": 0.8, "raw_asgi_2": 0.6, "litserve": 1.5, "torchserve": 1.3, "ray_serve": 7.0}
_MOST_OF_RAW_P50 = 1.5
_INT8_OF_BARE, _INT8_OF_RAY_SERVE = 0.75, 1.8


@dataclass(frozen=True, slots=True)
class Visit:
    """One contestant in one round: a run a level, and CPU time a request at the highest level."""

    runs: Mapping[int, ClosedRun]
    cpu_ms: float


Visits = Mapping[str, Sequence[Visit]]
Layout = tuple[int, int, int]
"""Of bare engines: processes, threads of each, e-mails a batch."""
BareRates = Mapping[Layout, Sequence[float]]


def measure_tabular(setup: Setup) -> dict[str, Figure]:
    """Requests a second and latencies with the tabular artifact; after the first round only at the levels that are judged."""
    layouts = [(processes, 1, 1) for processes in range(1, CORES + 1)]
    visits, bare = _take_turns(setup, "tabular", layouts, lambda number: LEVELS if number == 0 else _JUDGED_LEVELS)
    return {**_figures("tabular", visits, bare), **judge_tabular(visits)}


def measure_int8(setup: Setup) -> dict[str, Figure]:
    """E-mails a second with the int8 transformer at eight connections, beside the bare engine in several layouts."""
    layouts = [(processes, CORES // processes, batch) for processes in sorted({1, CORES}) for batch in (1, 8)]
    visits, bare = _take_turns(setup, "int8", layouts, lambda number: (_INT8_LEVEL,))
    return {**_figures("int8", visits, bare), **judge_int8(visits, bare)}


def judge_tabular(visits: Visits) -> dict[str, Figure]:
    """The product's rate at 64 connections, and its median latency at one, against those of each peer that took part."""
    figures = {
        f"tabular_to_{peer}": at_least(_ratios(visits, peer, lambda visit: visit.runs[64].rate), least, peer)
        for peer, least in _TABULAR_GOALS.items()
        if peer in visits
    }
    if "raw_asgi" in visits:
        ratios = _ratios(visits, "raw_asgi", lambda visit: visit.runs[1].p50_ms)
        figures["tabular_p50_to_raw_asgi"] = at_most(ratios, _MOST_OF_RAW_P50, "raw_asgi")
    return figures


def judge_int8(visits: Visits, bare: BareRates) -> dict[str, Figure]:
    """The product's rate at eight connections against the best bare layout's, the best peer's and plain Ray Serve's."""

    def rate(visit: Visit) -> float:
        return visit.runs[_INT8_LEVEL].rate

    best_bare = max(bare, key=lambda layout: sum(bare[layout]))
    of_bare = [rate(visit) / limit for visit, limit in zip(visits[PRODUCT], bare[best_bare], strict=True)]
    figures = {"int8_to_bare": at_least(of_bare, _INT8_OF_BARE, _named("bare", best_bare))}
    if peers := [peer for peer in visits if peer not in (*LIMITS, PRODUCT)]:
        best = max(peers, key=lambda peer: sum(map(rate, visits[peer])))
        figures["int8_to_best_peer"] = at_least(_ratios(visits, best, rate), 1.0, best)
    if "ray_serve" in visits:
        figures["int8_to_ray_serve"] = at_least(_ratios(visits, "ray_serve", rate), _INT8_OF_RAY_SERVE, "ray_serve")
    return figures


def _take_turns(
    setup: Setup, arm: str, layouts: Sequence[Layout], levels: Callable[[int], Sequence[int]]
) -> tuple[dict[str, list[Visit]], dict[Layout, list[float]]]:
    """Every bare layout and every contestant once a round."""
    visits: dict[str, list[Visit]] = {name: [] for name in setup.names}
    bare: dict[Layout, list[float]] = {layout: [] for layout in layouts}
    for number in range(setup.rounds):
        for layout in layouts:
            bare[layout].append(run_bare(setup.arms / arm, setup.bodies.path, *layout, setup.seconds.closed))
        for name in setup.turns(number):
            visits[name].append(_one_visit(setup, name, arm, levels(number)))
    return visits, bare


def _one_visit(setup: Setup, name: str, arm: str, levels: Sequence[int]) -> Visit:
    with setup.started(name, arm) as one:
        runs: dict[int, ClosedRun] = {}
        for level in levels:
            before_s = one.cpu_s()
            runs[level] = run_closed(one.url, level, setup.seconds.closed, setup.bodies.path)
            spent_s = one.cpu_s() - before_s
    last = runs[levels[-1]]
    told = ", ".join(f"{level}: {run.rate:.0f}/s p50 {run.p50_ms:.1f} ms" for level, run in runs.items())
    print(f"{arm} {name}: {told}", file=sys.stderr, flush=True)
    return Visit(runs, 1000 * spent_s / max(1, last.requests))


def _figures(arm: str, visits: Visits, bare: BareRates) -> dict[str, Figure]:
    figures = {_named(f"{arm}_bare", layout): spread(rates, "e-mails/s", 1) for layout, rates in bare.items()}
    for name, rounds in visits.items():
        for level in rounds[0].runs:
            runs = [visit.runs[level] for visit in rounds if level in visit.runs]
            stem = f"{arm}_{name}_{level}"
            figures[f"{stem}_rate"] = spread([run.rate for run in runs], "requests/s", 1)
            figures[f"{stem}_p50"] = spread([run.p50_ms for run in runs], "ms", 2)
            figures[f"{stem}_p95"] = spread([run.p95_ms for run in runs], "ms", 2)
            figures[f"{stem}_failed"] = Figure(sum(run.failed + run.refused for run in runs), "requests")
        figures[f"{arm}_{name}_cpu"] = spread([visit.cpu_ms for visit in rounds], "ms/request", 3)
    own = max(run.own_cpu for rounds in visits.values() for visit in rounds for run in visit.runs.values())
    return {**figures, f"{arm}_client_cpu": Figure(round(own, 3), "of a core at most")}


def _named(stem: str, layout: Layout) -> str:
    processes, threads, batch = layout
    return f"{stem}_{processes}x{threads}_by_{batch}"


def _ratios(visits: Visits, peer: str, what: Callable[[Visit], float]) -> list[float]:
    """The product's to the peer's, round by round."""
    return [what(ours) / what(theirs) for ours, theirs in zip(visits[PRODUCT], visits[peer], strict=True)]
