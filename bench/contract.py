"""Whether the product's serving keeps to its OpenAPI document: generated calls, right and wrong ones, over HTTP.

    python bench/contract.py [--calls N] [--models FOLDER]

schemathesis generates the calls from the document that the product ships, and looks for answers of 5xx, for status codes, media
types and bodies that the document does not have, and for methods that are refused otherwise than documented. The product is
started as `bench/serving.py` starts it, with the tabular model, fitted where --models does not hold it yet. There is no
summarizer: what asks for one is left out, since its answer is 503, as documented.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apps.serving.routes import OPENAPI, SUMMARIZE, TRIAGE
from bench.contestants.lineup import CONTESTANTS, PRODUCT, started
from bench.parts.goals import none_of
from bench.recording import Figure, record
from bench.serving import CACHE, CORPUS, fitted

_LEAST_CALLS = 10_000
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
NO_SUMMARIZER = f"^({SUMMARIZE}|{TRIAGE})$"
_SAMPLE = b'{"subject": "Hello", "body": "Lunch?"}'


def main() -> int:
    """Generate calls until there are enough, and write down what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1100, help="most calls an operation, in each phase")
    parser.add_argument("--models", type=Path, default=CACHE / "models")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    artifact = fitted(chosen.models, CORPUS if CORPUS.is_file() else None) / "tabular"
    with started(CONTESTANTS[PRODUCT], Path(sys.executable), artifact, _SAMPLE) as one, TemporaryDirectory() as scratch:
        origin = one.url.removesuffix(CONTESTANTS[PRODUCT].route)
        report = generated_calls(origin, chosen.calls, chosen.seed, Path(scratch) / "report.json")
    for failure in report["failures"]:
        print(f"{failure['count']} × {failure['title']}: {', '.join(failure['operations'])}", file=sys.stderr)
    print(record("contract", judge_report(report), schemathesis=report["schemathesis_version"]))
    return 0


def generated_calls(origin: str, calls: int, seed: int, report: Path, left_out: str = NO_SUMMARIZER) -> dict[str, Any]:
    """What schemathesis found at ``origin``, in its own words; at most ``calls`` an operation in each phase.

    ``left_out`` is a regular expression of paths that are not called.
    """
    command = [str(Path(sys.executable).with_name("st")), "run", str(OPENAPI), "--url", origin, "--seed", str(seed)]
    command += ["--max-examples", str(calls), "--checks", ",".join(_CHECKS), "--continue-on-failure", "--warnings", "off"]
    command += ["--exclude-path-regex", left_out]
    command += ["--report", "json", "--report-json-path", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=report.parent)
    if not report.exists():
        raise SystemExit(f"schemathesis ended with {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(report.read_text())


def judge_report(report: dict[str, Any]) -> dict[str, Figure]:
    """The figures of one run against the goals."""
    counted = report["test_cases"]
    server_errors = sum(one["count"] for one in report["failures"] if one["type"] == "ServerError")
    calls = counted["generated"]
    return {
        "contract_calls": Figure(calls, "calls", goal=f">= {_LEAST_CALLS}", holds=calls >= _LEAST_CALLS),
        "contract_operations": Figure(report["operations"]["tested"], "operations"),
        "contract_server_errors": none_of(server_errors, "calls"),
        "contract_undocumented": none_of(counted["with_failures"] - server_errors + counted["errored"], "calls"),
        "contract_rate": Figure(round(calls / report["running_time"], 1), "calls/s"),
    }


if __name__ == "__main__":
    sys.exit(main())
