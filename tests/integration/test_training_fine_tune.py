"""The loop of fine-tuning with torch itself: what it learns, and that it goes on where it was killed. Needs no Ray."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.training.fitting.checkpoints import Progress, read_progress, read_tensors, write_progress
from apps.training.fitting.fine_tune import SCORE, Share, fine_tune
from apps.training.fitting.imbalance import class_weights
from apps.training.fitting.learner import Learner, build_classifier
from apps.training.fitting.lesson import Lesson
from tests.integration.tiny_encoder import tiny_encoder, tiny_lesson

pytestmark = pytest.mark.filterwarnings("default")

CPU = torch.device("cpu")
ALONE = Share()


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two wait for each other longer than such a network takes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Killed(Exception):
    """In place of SIGKILL."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


class Run:
    """Fine-tunes in this process, and keeps its checkpoints in a folder."""

    def __init__(self, lesson: Lesson, folder: Path) -> None:
        self.lesson, self.folder, self.reported = lesson, folder, list[dict[str, float]]()

    def start(self, kill_after: int | None = None) -> dict[str, Any]:
        """From the last checkpoint, if any, to the end; its tensors."""
        learner = Learner(self.lesson, build_classifier(self.lesson), CPU)
        kept = [read_progress(folder).step for folder in self.folder.iterdir()]
        progress = Progress()
        if kept:
            learner.restore(self.folder / str(max(kept)))
            progress = read_progress(self.folder / str(max(kept)))

        def keep(progress: Progress, metrics: dict[str, float]) -> None:
            self.reported.append(metrics)
            (self.folder / str(progress.step)).mkdir()
            learner.save(self.folder / str(progress.step))
            write_progress(self.folder / str(progress.step), progress)
            if progress.step == kill_after:
                raise Killed

        ended = fine_tune(learner, self.lesson, ALONE, progress.started(), keep)
        self.learner, self.starts = learner, ended.starts
        return read_tensors(self.folder / str(ended.step))


def _run(lesson: Lesson, folder: Path) -> Run:
    folder.mkdir()
    return Run(lesson, folder)


@pytest.mark.parametrize("changed", [{}, {"accumulation": 2, "class_weights": "balanced"}])
def test_killed_after_a_checkpoint_it_ends_with_the_same_weights(
    encoder: Path, changed: dict[str, Any], tmp_path: Path
) -> None:
    lesson = tiny_lesson(encoder, **changed)
    undisturbed = _run(lesson, tmp_path / "undisturbed")
    expected = undisturbed.start()
    steps = [int(metrics["step"]) for metrics in undisturbed.reported]
    for step in (steps[0], steps[-2], steps[-1]):
        killed = _run(lesson, tmp_path / f"killed-{step}")
        with pytest.raises(Killed):
            killed.start(kill_after=step)
        ended = killed.start()
        assert killed.starts == (0, step)
        assert killed.reported == undisturbed.reported, "a step was learned twice, or not at all"
        assert ended.keys() == expected.keys()
        assert all(torch.equal(ended[name], expected[name]) for name in expected), step


def test_checkpoints_come_at_each_epochs_end_and_every_so_many_steps_within(encoder: Path, tmp_path: Path) -> None:
    run = _run(tiny_lesson(encoder, checkpoint_steps=4), tmp_path / "run")
    run.start()
    assert [metrics["step"] for metrics in run.reported] == [4, 8, 9, 13, 17, 18]
    assert [metrics["epoch"] for metrics in run.reported][2::3] == [1, 2]


def test_it_learns(encoder: Path, tmp_path: Path) -> None:
    run = _run(tiny_lesson(encoder, epochs=10, checkpoint_steps=100, dropout=0.0), tmp_path / "run")
    run.start()
    assert max(metrics[SCORE] for metrics in run.reported) > 0.75  # chance is a third
    assert run.reported[-1]["loss"] < run.reported[0]["loss"]
    rows = run.lesson.learn
    answers = run.learner.answers(rows)
    assert (answers == rows.truth).mean() > 0.75
    assert (answers == run.learner.answers(rows.take(range(len(rows) - 1, -1, -1)))[::-1]).all()


def test_it_ends_after_so_many_evaluations_without_gain(encoder: Path, tmp_path: Path) -> None:
    # At this rate nothing changes, so the first checkpoint stays the best.
    slow = tiny_lesson(encoder, learning_rate=1e-12, patience=2)
    run = _run(slow, tmp_path / "judged")
    run.start()
    assert [metrics["step"] for metrics in run.reported] == [3, 6, 9]
    run.start()
    assert [metrics["step"] for metrics in run.reported] == [3, 6, 9], "started again, it went on"
    unjudged = _run(replace(slow, judge=slow.judge.take([])), tmp_path / "unjudged")
    unjudged.start()
    assert [metrics["step"] for metrics in unjudged.reported][-1] == 18


def test_accumulated_batches_are_learned_as_the_one_they_stand_for(encoder: Path, tmp_path: Path) -> None:
    lesson = tiny_lesson(encoder, dropout=0.0, class_weights="balanced")
    lesson = replace(lesson, learn=lesson.learn.take([*range(0, 72, 3), *range(1, 72, 6), *range(2, 72, 9)]))
    rows = np.arange(16, 32)  # of two classes

    def learned(batches: list[Any]) -> tuple[float, torch.Tensor]:
        learner = Learner(lesson, build_classifier(lesson), CPU)
        loss = float(learner.step(batches, 1e-3))
        learner.save(tmp_path)
        moments = [value.flatten() for name, value in read_tensors(tmp_path).items() if name.startswith("exp_avg/")]
        return loss, torch.cat(moments)

    (loss, whole), (halves_loss, halves) = learned([rows]), learned([rows[:8], rows[8:]])
    assert halves_loss == pytest.approx(loss, rel=1e-2)  # bf16
    assert float(torch.linalg.norm(whole - halves)) < 0.02 * float(torch.linalg.norm(whole))


def test_balanced_weights_make_a_rare_class_count_more(encoder: Path) -> None:
    plain = tiny_lesson(encoder, dropout=0.0)
    rare = [*range(0, 72, 3), *range(1, 72, 18)]
    plain = replace(plain, learn=plain.learn.take(rare))
    balanced = replace(plain, options=plain.options.model_copy(update={"class_weights": "balanced"}))
    weights = class_weights(plain.learn.truth, 3)
    for number in (0, 1):
        rows = np.flatnonzero(plain.learn.truth == number)[:4]
        losses = [float(Learner(one, build_classifier(one), CPU).step([rows], 0.0)) for one in (plain, balanced)]
        assert losses[1] == pytest.approx(losses[0] * weights[number], rel=1e-5)


def test_all_is_learned_but_the_embeddings(encoder: Path) -> None:
    model = build_classifier(tiny_lesson(encoder))
    fixed = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert fixed == {name for name, _ in model.named_parameters() if ".embeddings." in name}
    assert any("position" in name for name in fixed)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has a fused attention that is fast both ways")
def test_without_a_gpu_attention_is_computed_plainly(encoder: Path) -> None:
    assert build_classifier(tiny_lesson(encoder)).config._attn_implementation == "eager"


def test_encoders_of_other_kinds_take_the_dropout(encoder: Path, tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=60, dim=32, n_layers=1, n_heads=2, hidden_dim=64, max_position_embeddings=32)
    DistilBertModel(config).save_pretrained(tmp_path)
    lesson = replace(tiny_lesson(encoder, dropout=0.25), encoder=str(tmp_path))
    model = build_classifier(lesson)
    rates = {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.25}
    assert not any(weight.requires_grad for weight in model.distilbert.embeddings.parameters())
    assert torch.isfinite(Learner(lesson, model, CPU).step([np.arange(8)], 1e-3))
