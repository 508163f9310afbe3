"""Open loop: the highest steady load that each contestant answers with p95 below 200 ms."""

import sys
from collections.abc import Callable, Mapping, Sequence

from bench.contestants.lineup import LIMITS, PRODUCT
from bench.load.closed_loop import run_closed
from bench.load.open_loop import OpenRun, run_open
from bench.parts.goals import at_least
from bench.parts.setup import Setup
from bench.recording import Figure, spread

ARM, HEAVY_ARM = "cascade", "int8"
P95_MS = 200.0
# An answer that is later than this is none; the next rate need not wait for it.
_PATIENCE_S = 2.0
_STEPS = 5
_TIMES_INT8 = 5.0
_CONNECTIONS = 64
_LEAST_RATE = 1.0  # of one that holds nothing


def measure_open(setup: Setup) -> dict[str, Figure]:
    """The highest load of everyone with the cascade, round by round, and of the product with the int8 transformer alone."""
    found: dict[str, list[float]] = {name: [] for name in setup.names}
    for number in range(setup.rounds):
        for name in setup.turns(number):
            found[name].append(_highest_of(setup, name, ARM))
    return judge_open(found, _highest_of(setup, PRODUCT, HEAVY_ARM))


def judge_open(found: Mapping[str, Sequence[float]], heavy: float) -> dict[str, Figure]:
    """The loads (requests/s), and how the product's compares with the best peer's and with its own on int8 alone."""
    figures = {f"open_{name}_highest": spread(rates, "requests/s", 1) for name, rates in found.items()}
    figures["open_product_int8_highest"] = Figure(round(heavy, 1), "requests/s")
    if peers := {name: figures[f"open_{name}_highest"].value for name in found if name not in (*LIMITS, PRODUCT)}:
        best = max(peers, key=peers.__getitem__)
        figures["open_to_best_peer"] = at_least(_ratios(found[PRODUCT], found[best]), 1.0, best)
    figures["cascade_to_int8"] = at_least(_ratios(found[PRODUCT], [heavy] * len(found[PRODUCT])), _TIMES_INT8, HEAVY_ARM)
    return figures


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [rate / max(other, _LEAST_RATE) for rate, other in zip(ours, theirs, strict=True)]


def highest(holds: Callable[[float], bool], most: float, steps: int = _STEPS) -> float:
    """The highest rate below ``most`` that was seen to hold, by bisection; 0 where none was."""
    low, high = 0.0, most
    for _ in range(steps):
        rate = (low + high) / 2
        low, high = (rate, high) if holds(rate) else (low, rate)
    return low


def _highest_of(setup: Setup, name: str, arm: str) -> float:
    with setup.started(name, arm) as one:
        capacity = run_closed(one.url, _CONNECTIONS, setup.seconds.closed, setup.bodies.path).rate

        def holds(rate: float) -> bool:
            setup.settle(one)
            return is_held(run_open(one.url, rate, setup.seconds.open, setup.bodies.path, _PATIENCE_S))

        found = highest(holds, capacity)
    print(f"open {arm} {name}: {found:.0f} of {capacity:.0f} requests/s", file=sys.stderr, flush=True)
    return found


def is_held(run: OpenRun) -> bool:
    """Whether everything was answered, with p95 below the bound."""
    return run.accepted == run.sent and run.percentile_ms(95) < P95_MS
