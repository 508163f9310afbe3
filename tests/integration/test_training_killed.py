"""Ray Train for real on a tiny encoder: its worker killed, then its driver; and two workers in place of one."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from apps.training.fitting.checkpoints import Progress, read_progress
from apps.training.fitting.encoders import export_classifier
from apps.training.fitting.fine_tune import Share, fine_tune
from apps.training.fitting.learner import Learner, build_classifier
from libs.common.features.text_network import TextNetwork
from tests.integration.children import children_named
from tests.integration.fine_tune_driver import LONG, fit
from tests.integration.tiny_encoder import MAX_TOKENS, tiny_encoder, tiny_lesson
from tests.unit.apps.training.mails import mailbox

pytestmark = pytest.mark.filterwarnings("default")

TEXTS = [email.body for email in mailbox(30, seed=9).emails]
# Ray Train looks at its workers this often, and takes one checkpoint a look: long enough to be killed between two.
LOOKS_S = "0.1"
STEPS = LONG["epochs"] * 9


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray Train takes it from the driver's environment."""
    monkeypatch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", LOOKS_S)


def _undisturbed(encoder: Path, folder: Path, **changed: Any) -> TextNetwork:
    """What the same lesson ends with in one process and without Ray."""
    lesson = tiny_lesson(encoder, **{**LONG, **changed})
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    learner = Learner(lesson, build_classifier(lesson), torch.device("cpu"))
    best = -1.0

    def keep(progress: Progress, metrics: dict[str, float]) -> None:
        nonlocal best
        if progress.stale == 0 or metrics["macro_f1"] == best:
            best = metrics["macro_f1"]
            learner.bare.save_pretrained(folder / "weights")

    fine_tune(learner, lesson, Share(), Progress(), keep)
    torch.set_num_threads(threads)
    return export_classifier(folder / "weights", encoder, folder / "onnx", MAX_TOKENS)


def test_a_worker_and_then_the_driver_killed_end_with_the_network_of_an_undisturbed_run(
    connected: str, encoder: Path, repo: Path, tmp_path: Path
) -> None:
    trainings = tmp_path / "trainings"
    arguments = [connected, str(encoder), str(tmp_path), str(trainings)]
    driver = subprocess.Popen([sys.executable, "-m", "tests.integration.fine_tune_driver", *arguments], cwd=repo)
    try:
        at_worker = _wait_for_step(trainings, 1, driver)
        _worker().send_signal(signal.SIGKILL)
        at_driver = _wait_for_step(trainings, at_worker + 6, driver)
    finally:
        driver.kill()
        driver.wait()
    network = fit(encoder, tmp_path, trainings)
    first, after_worker, after_driver = read_progress(network.files).starts
    assert first == 0
    assert at_worker <= after_worker < at_driver <= after_driver < STEPS, "it began anew, or was not killed in the middle"
    undisturbed = _undisturbed(encoder, tmp_path)
    assert (network.answer(TEXTS) == undisturbed.answer(TEXTS)).all()
    assert list(trainings.iterdir()) == []


@pytest.mark.usefixtures("connected")
def test_two_workers_end_with_what_one_learns_from_two_batches_a_step(encoder: Path, tmp_path: Path) -> None:
    short = {"epochs": 3, "dropout": 0.0, "batch_size": 4, "checkpoint_steps": 100}
    network = fit(encoder, tmp_path, tmp_path / "trainings", workers=2, **short)
    alone = _undisturbed(encoder, tmp_path, accumulation=2, **short)
    scores, expected = network.answer(TEXTS), alone.answer(TEXTS)
    assert scores == pytest.approx(expected, abs=0.05)
    assert scores.std() > 0.1, "so close they would be, had they learned nothing"


def _worker() -> psutil.Process:
    """The only one."""
    (worker,) = children_named("RayTrainWorker")
    return worker


def _wait_for_step(trainings: Path, step: int, driver: subprocess.Popen[bytes], seconds: float = 300) -> int:
    """The step of the first checkpoint of at least so many that Ray Train has recorded."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := _recorded(trainings)) >= step:
            return found
        assert driver.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    raise AssertionError(f"step {step} did not come")


def _recorded(trainings: Path) -> int:
    for record in trainings.glob("*/ray/fit/checkpoint_manager_snapshot.json"):
        try:
            return int(json.loads(record.read_text())["latest_checkpoint_result"]["metrics"]["step"])
        except ValueError:  # it is being written
            return 0
    return 0
