"""The pinned versions work together where `pip check` cannot see that they don't."""

import subprocess
import sys

import pytest

BREAKS = {
    "evidently on pandas 3.1": "import evidently",
    "prefect's server on fastapi from 0.155": "from prefect.server.api.server import create_app; assert create_app().routes",
}


@pytest.mark.parametrize("code", BREAKS.values(), ids=BREAKS.keys())
def test_what_breaks_on_other_versions_works_on_these(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
