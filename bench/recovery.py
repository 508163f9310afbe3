"""How long callers notice that a part of the service was killed: the chaos tests themselves, some times over.

    python bench/recovery.py [--rounds N]

A replica, the proxy, Serve's controller and a whole node are ended by SIGKILL under 40 requests a second on two replicas, by
`tests/chaos/test_service_failures.py`, which also demands that the log holds every answer that was given. The figures are the
seconds from the kill until the last request that failed was sent, 0 where none did, and how many failed.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.recording import REPO, Figure, record, spread

_TESTS = "tests/chaos/test_service_failures.py"


def main() -> int:
    """Run the tests, and write down what they noted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    noted: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    with TemporaryDirectory() as scratch:
        for _ in range(parser.parse_args().rounds):
            report = Path(scratch) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={report}", _TESTS]
            subprocess.run(command, cwd=REPO, env={**os.environ, "HF_HUB_OFFLINE": "1"}, check=True)
            for name, notes in read_notes(report).items():
                noted[name].append(notes)
    print(record("recovery", figures_of(noted)))
    return 0


def read_notes(report: Path) -> dict[str, dict[str, float]]:
    """What each test of a JUnit report noted, by what it killed."""
    cases = ElementTree.parse(report).iter("testcase")  # pytest's own file, of this very run
    return {
        case.attrib["name"].removeprefix("test_a_killed_").partition("_")[0]: {
            one.attrib["name"]: float(one.attrib["value"]) for one in case.iter("property")
        }
        for case in cases
    }


def figures_of(noted: dict[str, list[dict[str, float]]]) -> dict[str, Figure]:
    """The median of the rounds, with the lowest and the highest."""
    return {
        f"{killed}_{name}": spread([notes[name] for notes in rounds], unit, digits)
        for killed, rounds in noted.items()
        for name, unit, digits in (("trouble_s", "s", 2), ("failed", "requests", 0), ("answered", "requests", 0))
    }


if __name__ == "__main__":
    sys.exit(main())
