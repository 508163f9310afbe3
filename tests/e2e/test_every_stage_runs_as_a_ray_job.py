"""`ray job submit --working-dir . -- python -m apps.training …` does what the command line does, on the running cluster."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from apps.console.runtime.discover import discover
from libs.common.config.home import REPO
from tests.e2e.platform import MODEL, Platform

pytestmark = pytest.mark.timeout(400)


def submit(platform: Platform, *words: str) -> str:
    """One job, waited for; its output."""
    address = discover(platform.home).dashboard_url or ""
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "job", "submit", "--address", address, "--working-dir", ".", "--", "python", "-m", "apps.training", *words]
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_build_train_and_evaluate(platform: Platform) -> None:
    built = submit(platform, "dataset", "build", "jobs", "--source", "synthetic://?n=600&seed=5")
    assert "jobs/v1.0.0" in built
    assert "read 600 e-mails" in built
    assert "comes out the same" in submit(platform, "dataset", "rebuild", "jobs")
    registered = submit(platform, "train", MODEL, "--dataset", "jobs", "--family", "tabular")
    newest = platform.stores.registry.get(MODEL)
    assert str(newest.ref) in registered
    assert newest.training_details.dataset_version == "jobs/v1.0.0"
    assert '"accuracy"' in submit(platform, "evaluate", "--model", MODEL, "--dataset", "jobs")
