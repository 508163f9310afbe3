"""How long the whole demo takes, what its champion reaches on its holdout, and whether a request failed on the way.

python bench/demo.py [--source URI]; with a source, the figures go to a file named after it.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apps.console.demo.load_records import count, read_requests
from bench.recording import REPO, Figure, record
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.domain.model import ModelVersion

_MODEL = "email_classifier"
_GOAL_S = 360


def main() -> int:
    """Run the demo in its usual home, and write down what it took and reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="the user's own mail, by URI (default: the configured synthetic mailbox)")
    chosen = parser.parse_args()
    command = [str(Path(sys.executable).with_name("triage")), "demo", *(("--source", chosen.source) if chosen.source else ())]
    home = Home(Path(os.environ.get("TRIAGE_HOME") or REPO / ".triage" / "demo").resolve())
    began = time.monotonic()
    status = subprocess.run(command, cwd=REPO, check=False).returncode
    took_s = time.monotonic() - began
    name = f"demo_{Path(chosen.source).stem}" if chosen.source else "demo"
    print(record(name, _figures(home, took_s, status, timed=chosen.source is None)))
    return status


def _figures(home: Home, took_s: float, status: int, timed: bool) -> dict[str, Figure]:
    stores = connect(load_config("demo").addresses(home))
    counts = count(read_requests(home.root / "demo" / "requests.jsonl"))
    goal = {"goal": f"<= {_GOAL_S}", "holds": took_s <= _GOAL_S} if timed else {}
    return {
        "duration": Figure(round(took_s, 1), "s", **goal),
        "promises_broken": Figure(status, "exit status", goal="0", holds=status == 0),
        "requests": Figure(counts.emails, "requests"),
        "requests_failed": Figure(counts.failed, "requests", goal="0", holds=counts.failed == 0),
        **_quality(_first_champion(stores.registry.list(_MODEL))),
    }


def _first_champion(newest_first: list[ModelVersion]) -> ModelVersion:
    """The better of the two families that were trained on dataset v1."""
    first = newest_first[-1].training_details.dataset_digest
    return next(version for version in newest_first if version.training_details.dataset_digest == first)


def _quality(champion: ModelVersion) -> dict[str, Figure]:
    found = champion.classification
    accuracy = Figure(
        found.accuracy, "share", found.accuracy_low, found.accuracy_high, champion.family, ">= 0.94", found.accuracy >= 0.94
    )
    f1 = Figure(found.f1_score, "share", baseline=champion.family, goal=">= 0.89", holds=found.f1_score >= 0.89)
    return {"champion_accuracy": accuracy, "champion_macro_f1": f1}


if __name__ == "__main__":
    sys.exit(main())
