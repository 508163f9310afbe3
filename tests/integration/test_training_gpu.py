"""Fine-tuning on a GPU: what the CPU learns, in bf16, from accumulated batches, by a Ray Train worker. Skipped without one."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.training.fitting.checkpoints import Progress, read_progress, read_tensors, write_progress
from apps.training.fitting.fine_tune import SCORE, Share, fine_tune
from apps.training.fitting.fit_worker import learn
from apps.training.fitting.lean_trainer import LeanTrainer, by_torch
from apps.training.fitting.learner import Learner, build_classifier, precision
from apps.training.fitting.lesson import Lesson
from apps.training.fitting.ray_train import run_config, scaling, train
from libs.common.features.text_network import TextNetwork
from tests.integration.tiny_encoder import MAX_TOKENS, tiny_encoder, tiny_lesson
from tests.unit.apps.training.mails import mailbox

pytestmark = [
    pytest.mark.filterwarnings("default"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use"),
]

GPU, CPU = torch.device("cuda"), torch.device("cpu")
HALFWAY = 45


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    encoder = tiny_encoder(tmp_path_factory.mktemp("encoder"))
    return tiny_lesson(encoder, epochs=10, checkpoint_steps=100, dropout=0.0, accumulation=2, batch_size=4, use_gpu=True)


def _learner(lesson: Lesson, device: torch.device) -> Learner:
    return Learner(lesson, build_classifier(lesson).to(device), device)


def test_it_multiplies_in_bf16() -> None:
    rows = torch.ones(4, 4, device=GPU)
    with precision(GPU):
        assert (rows @ rows).dtype is torch.bfloat16


def test_a_step_on_it_is_one_on_the_cpu(lesson: Lesson, tmp_path: Path) -> None:
    moments: list[torch.Tensor] = []
    for device in (CPU, GPU):
        learner = _learner(lesson, device)
        learner.step([np.arange(8), np.arange(8, 16)], 1e-3)
        learner.save(tmp_path)
        found = read_tensors(tmp_path)
        moments.append(torch.cat([found[name].flatten() for name in sorted(found) if name.startswith("exp_avg/")]))
    on_cpu, on_gpu = moments
    # bf16 keeps three digits.
    assert float(torch.linalg.norm(on_gpu - on_cpu)) < 0.05 * float(torch.linalg.norm(on_cpu))


def test_a_checkpoint_goes_on_there(lesson: Lesson, tmp_path: Path) -> None:
    learner = _learner(lesson, GPU)

    def keep(progress: Progress, _: dict[str, float]) -> None:
        if progress.step == HALFWAY:
            learner.save(tmp_path)
            write_progress(tmp_path, progress)

    fine_tune(learner, lesson, Share(), Progress(), keep)
    again = _learner(lesson, GPU)
    again.restore(tmp_path)
    fine_tune(again, lesson, Share(), read_progress(tmp_path), lambda *_: None)
    rows = lesson.learn
    assert (learner.answers(rows) == rows.truth).mean() > 0.75
    assert (again.answers(rows) == learner.answers(rows)).mean() > 0.95


@pytest.mark.usefixtures("connected")
def test_a_ray_train_worker_has_it(lesson: Lesson, tmp_path: Path) -> None:
    work = partial(_learn_there, lesson, tmp_path / "taken")
    trainer = LeanTrainer(work, by_torch, scaling(1, use_gpu=True), run_config(tmp_path, SCORE))
    network = TextNetwork(train(trainer, "the test", tmp_path), MAX_TOKENS)
    assert int((tmp_path / "taken").read_text()) > 0, "it learned on the CPU"
    holdout = mailbox(60, seed=9)
    answers = network.answer([email.body for email in holdout.emails]).argmax(axis=1)
    assert (np.array(lesson.labels)[answers] == np.array(holdout.labels)).mean() > 0.6  # chance is a third


def _learn_there(lesson: Lesson, taken: Path) -> None:
    learn(lesson)
    taken.write_text(str(torch.cuda.max_memory_allocated()))
