"""The limit: the engine in a loop, without HTTP, in one process or in several side by side.

python -m bench.contestants.bare_loop --bodies FILE --batch 1 --seconds 3    # says ready, waits for a line, says how many
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import orjson

from bench.contestants.engine import ARTIFACT, THREADS, load_engine
from bench.recording import REPO
from libs.common.features.json_mail import email_from_json


def run_bare(artifact: Path, bodies: Path, processes: int, threads: int, batch: int, seconds: float) -> float:
    """E-mails a second of ``processes`` loops side by side, each with an engine of ``threads`` threads."""
    command = [sys.executable, "-m", "bench.contestants.bare_loop", "--bodies", str(bodies)]
    command += ["--batch", str(batch), "--seconds", str(seconds)]
    variables = os.environ | {ARTIFACT: str(artifact), THREADS: str(threads)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    loops = [subprocess.Popen(command, cwd=REPO, env=variables, **pipes) for _ in range(processes)]
    for loop in loops:
        assert loop.stdout and loop.stdout.readline() == "ready\n"
    for loop in loops:
        assert loop.stdin
        loop.stdin.write("\n")
        loop.stdin.flush()
    return sum(float(loop.communicate()[0]) for loop in loops)


def main() -> int:
    """One loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bodies", type=Path, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    engine = load_engine()
    emails = [email_from_json(orjson.loads(line)) for line in chosen.bodies.read_bytes().splitlines()]
    print("ready", flush=True)
    sys.stdin.readline()
    began, answered, first = time.perf_counter(), 0, 0
    while (taken := time.perf_counter() - began) < chosen.seconds:
        answered += len(engine.predict(emails[first : first + chosen.batch]))
        first = (first + chosen.batch) % len(emails)
    print(answered / taken, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
