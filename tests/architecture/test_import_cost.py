"""`triage --help` answers at once: it imports no heavy library and spends less than a second of CPU."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import REPO
from tests.architecture.test_floors import HEAVY

ASK = """
import json, sys
from typer.testing import CliRunner
from apps.console.cli import app
answer = CliRunner().invoke(app, ["--help"])
print(json.dumps({"code": answer.exit_code, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""
# Not forbidden at module level everywhere, yet too slow for a help page.
SLOW = {"pandas", "pyarrow", "scipy", "boto3", "botocore", "sqlalchemy", "fastapi", "numpy"}


def cpu_seconds(command: list[str | Path]) -> float:
    """User and system time that ``command`` takes; unlike wall time it does not depend on who else computes."""
    # Whoever forbids bytecode here has every process compile our own files, which no user's second call does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=REPO, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_imports_no_heavy_library() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], cwd=REPO, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["code"] == 0
    assert not (HEAVY | SLOW) & set(answer["modules"])


def test_help_takes_less_than_a_second() -> None:
    triage = Path(sys.executable).with_name("triage")
    assert min(cpu_seconds([triage, "--help"]) for _ in range(3)) < 1
