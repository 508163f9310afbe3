"""How a benchmark writes down what it found: ``bench/results/NAME.json``, with the machine, the commit and the command."""

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

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


def record(name: str, figures: dict[str, Figure], **more: str) -> Path:
    """Write the figures of one benchmark, ``more`` of the machine beside what can be told here; returns the file."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPO, capture_output=True, text=True, check=False).stdout.strip()
    machine = {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version(), **more}
    found = {
        "machine": machine,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "command": " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "figures": {figure: asdict(value) for figure, value in figures.items()},
    }
    path = REPO / "bench" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found, indent=2) + "\n")
    unfinished.replace(path)
    return path
