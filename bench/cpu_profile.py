"""Where the CPU of a request goes: py-spy's samples of the product's replicas under load, by what the code is for.

    python bench/cpu_profile.py [--arm tabular cascade] [--seconds N] [--models FOLDER]

The product is started as `bench/serving.py` starts it, and answers real e-mails at --connections connections while py-spy
looks at every replica 200 times a second, at the thread that holds the interpreter (what C code does beside it is not
seen). A sample belongs to the innermost frame of the product on its stack; what has none is HTTP, the event loop and Ray.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.contestants.lineup import CONTESTANTS, PRODUCT, Started, started
from bench.load.bodies import write_bodies
from bench.load.closed_loop import find_wrk, run_closed
from bench.parts.setup import await_calm
from bench.recording import Figure, record
from bench.serving import CACHE, CORPUS, fitted

_WARM_UP_S = 3.0
_LOOKS_A_SECOND = "200"
# A part of a file's path, and what its code is for; the first that fits.
PURPOSES: Mapping[str, str] = {
    "serving/bodies.py": "reading the request",
    "serving/heads.py": "reading the request",
    "features/mime.py": "reading the request",
    "features/drift_features.py": "features for drift",
    "features/": "the model",
    "common/models/": "the model",
    "serving/engine.py": "batches",
    "serving/batcher.py": "batches",
    "serving/recorder.py": "the event",
    "stores/predictions/": "the event",
    "serving/metrics.py": "metrics",
    "serving/replies.py": "writing the reply",
    "serving/traffic.py": "following the traffic row",
    "apps/serving/": "the rest of the product",
}
_OTHER = "HTTP, event loop, Ray"
_OWN = ("/apps/", "/libs/")
# What it does, it does for whoever calls it.
_FOR_OTHERS = "features/signs.py"


def main() -> int:
    """Profile each arm, and write down the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arm", nargs="+", default=["tabular", "cascade"])
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--models", type=Path, default=CACHE / "models")
    chosen = parser.parse_args()
    find_wrk()
    corpus = CORPUS if CORPUS.is_file() else None
    arms = fitted(chosen.models, corpus)
    figures: dict[str, Figure] = {}
    with TemporaryDirectory() as scratch:
        bodies = write_bodies(corpus, 1000, Path(scratch) / "bodies.jsonl")
        for arm in chosen.arm:
            with started(CONTESTANTS[PRODUCT], Path(sys.executable), arms / arm, bodies.first) as one:
                await_calm(one)
                run_closed(one.url, chosen.connections, _WARM_UP_S, bodies.path)
                looking = _look_at(one, chosen.seconds, Path(scratch) / arm)
                rate = run_closed(one.url, chosen.connections, chosen.seconds + 1, bodies.path).rate
                for look in looking:
                    look.wait()
            stacks = (line for file in Path(scratch).glob(f"{arm}.*") for line in file.read_text().splitlines())
            figures |= figures_of(arm, stacks)
            figures[f"{arm}_rate"] = Figure(round(rate, 1), "requests/s, while looked at")
    print(record("cpu_profile", figures))
    return 0


def figures_of(arm: str, stacks: Iterable[str]) -> dict[str, Figure]:
    """The share of each purpose in ``stacks``, lines of py-spy's raw format: frames from the outermost in, and a count."""
    counted: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        counted[purpose_of(frames.split(";"))] += int(count)
    whole = sum(counted.values())
    return {f"{arm}: {purpose}": Figure(round(count / whole, 3), "of the CPU") for purpose, count in counted.most_common()}


def purpose_of(frames: Iterable[str]) -> str:
    """What the innermost frame of the product is for; frames look like ``name (path/file.py:12)``."""
    own = [frame.rpartition("(")[2] for frame in frames if any(floor in frame for floor in _OWN) and _FOR_OTHERS not in frame]
    return next((purpose for part, purpose in PURPOSES.items() if own and part in own[-1]), _OTHER)


def _look_at(one: Started, seconds: int, path: Path) -> list["subprocess.Popen[bytes]"]:
    """Begin to sample every replica into ``path`` with its process id as suffix."""
    spy = str(Path(sys.executable).with_name("py-spy"))
    options = ["--duration", str(seconds), "--rate", _LOOKS_A_SECOND, "--format", "raw", "--full-filenames", "--gil"]
    return [
        subprocess.Popen([spy, "record", "--pid", str(pid), *options, "--output", f"{path}.{pid}"], stderr=subprocess.DEVNULL)
        for pid in _replicas(one)
    ]


def _replicas(one: Started) -> list[int]:
    found = [process.pid for process in one.processes() if _title(process).startswith("ray::ServeReplica")]
    if not found:
        raise SystemExit("no replica is there")
    return found


def _title(process: psutil.Process) -> str:
    return Path(f"/proc/{process.pid}/cmdline").read_bytes().decode(errors="replace")


if __name__ == "__main__":
    sys.exit(main())
