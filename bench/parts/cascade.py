"""The champion under the specification's most: 500 requests a second, open loop."""

import sys
from pathlib import Path

from bench.contestants.lineup import PRODUCT
from bench.load.bodies import Bodies
from bench.load.open_loop import OpenRun, run_open
from bench.parts.goals import below, none_of
from bench.parts.setup import Setup
from bench.recording import Figure
from libs.common.domain.triage import Escalated
from libs.common.models.artifact import load_classifier
from libs.common.models.cascade import CascadeClassifier

RATE = 500.0
_MOST_MS = {50: 100.0, 95: 200.0, 99: 500.0}


def measure_cascade(setup: Setup) -> dict[str, Figure]:
    """Latencies, errors, and who answered."""
    with setup.started(PRODUCT, "cascade") as one:
        run = run_open(one.url, RATE, setup.seconds.cascade, setup.bodies.path)
    print(f"failed: {run.failures() or 'none'}", file=sys.stderr, flush=True)
    escalated = _escalated(setup.arms / "cascade", setup.bodies)
    return {**judge_cascade(run), "cascade_unsure": Figure(round(escalated, 4), "of the e-mails sent")}


def judge_cascade(run: OpenRun) -> dict[str, Figure]:
    """The figures of ``run`` against the goals."""
    shed = run.escalations.get(Escalated.SHED, 0) / max(1, run.accepted)
    return {
        **{f"cascade_p{percent}": below(run.percentile_ms(percent), most, "ms") for percent, most in _MOST_MS.items()},
        "cascade_seconds": Figure(run.seconds, f"s at {RATE:g} requests/s"),
        "cascade_errors": none_of(run.sent - run.accepted, "requests"),
        "cascade_light_under_pressure": Figure(round(shed, 4), "of the answers"),
        "cascade_client_late": Figure(round(run.late_ms, 2), "ms in 99 of 100 cases"),
        "cascade_client_cpu": Figure(round(run.own_cpu, 3), "of a core"),
    }


def _escalated(artifact: Path, bodies: Bodies) -> float:
    """The share of the e-mails of which the light model is not sure, and which go on while there is room."""
    cascade = load_classifier(artifact)
    assert isinstance(cascade, CascadeClassifier)
    return float(cascade.escalated(bodies.emails).mean())
