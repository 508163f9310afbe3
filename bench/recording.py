"""How a benchmark writes down what it found: ``bench/results/NAME.json``, with the machine, the commit and the command."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

REPO = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; ``baseline`` is what it is compared with, ``goal`` what was to be reached, ``holds`` whether it was."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    baseline: str | None = None
    goal: str | None = None
    holds: bool | None = None

    def judged(self, holds: bool) -> "Figure":
        """The same figure, with whether its goal was reached."""
        return replace(self, holds=holds)


def spread(values: Sequence[float], unit: str, digits: int, **more: Any) -> Figure:
    """The median of repetitions, with the lowest and the highest."""
    low, high = (round(bound(values), digits) for bound in (min, max))
    return Figure(round(median(values), digits), unit, low, high, **more)


def record(name: str, figures: dict[str, Figure], keep: bool = False, **more: str) -> Path:
    """Write the figures of one benchmark, ``more`` of the machine beside what can be told here; returns the file.

    ``keep`` leaves what the file holds of other figures, each with the commit and the date that it is of.
    """
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPO, capture_output=True, text=True, check=False).stdout.strip()
    machine = {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version(), **more}
    path = REPO / "bench" / "results" / f"{name}.json"
    kept = _dated(json.loads(path.read_text())) if keep and path.exists() else {}
    found = {
        "machine": machine,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "command": " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "figures": kept | {figure: asdict(value) for figure, value in figures.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found, indent=2) + "\n")
    unfinished.replace(path)
    return path


def _dated(before: dict[str, Any]) -> dict[str, Any]:
    """The figures of an earlier run, each saying of when it is."""
    when = {"commit": before["commit"], "date": before["date"]}
    return {figure: {**when, **value} for figure, value in before["figures"].items()}
