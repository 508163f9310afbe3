import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from apps.training.summaries.adapters import CONFIG, WEIGHTS
from apps.training.summaries.fit_generative import write_lesson
from apps.training.summaries.lesson import WritingLesson, batch_of
from apps.training.summaries.tuning import Tuning, begin, loss_of, run_epoch
from tests.unit.apps.training.summaries.small_models import KINDS, examples, options, small_model


@pytest.fixture(scope="module", params=["t5", "gpt"])
def lesson(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> WritingLesson:
    base = small_model(tmp_path_factory.mktemp("base"), request.param)
    chosen = options(base, epochs=3, batch_size=2, accumulation=2)
    return write_lesson(KINDS[request.param], examples(), chosen, 0, tmp_path_factory.mktemp("workspace"))


@pytest.fixture
def one_worker() -> Iterator[None]:
    """torch.distributed, as Ray Train sets it up, with nobody else in it."""
    import torch.distributed as dist

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def files(tuning: Tuning, folder: Path) -> dict[str, bytes]:
    tuning.save(folder)
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def learned(lesson: WritingLesson, folder: Path) -> dict[str, bytes]:
    tuning = begin(lesson)
    for _ in range(lesson.options.epochs):
        run_epoch(tuning, lesson)
    return files(tuning, folder)


@pytest.fixture(scope="module")
def once(lesson: WritingLesson, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return learned(lesson, tmp_path_factory.mktemp("once"))


def test_the_same_lesson_and_seed_give_the_same_adapter(lesson: WritingLesson, once: dict[str, bytes], tmp_path: Path) -> None:
    assert {WEIGHTS, CONFIG} <= once.keys()
    assert learned(lesson, tmp_path) == once


def test_who_resumes_ends_with_the_adapter_of_one_who_never_stopped(
    lesson: WritingLesson, once: dict[str, bytes], tmp_path: Path
) -> None:
    stopped = begin(lesson)
    run_epoch(stopped, lesson)
    stopped.save(tmp_path / "reported")
    resumed = begin(lesson)
    resumed.resume(tmp_path / "reported")
    assert (resumed.epoch, resumed.step) == (1, 2)
    while resumed.epoch < lesson.options.epochs:
        run_epoch(resumed, lesson)
    assert files(resumed, tmp_path / "ended") == once


def test_only_the_adapter_learns(lesson: WritingLesson) -> None:
    tuning = begin(lesson)
    learning = [name for name, weight in tuning.model.named_parameters() if weight.requires_grad]
    assert learning
    assert all("lora_" in name for name in learning)
    assert not tuning.model.training, "dropout would make a resumed run another one"


def test_the_loss_is_that_of_the_model_itself(lesson: WritingLesson) -> None:
    import torch

    model = begin(lesson).model
    rows = np.arange(8)
    batch = batch_of(lesson, rows)
    whole: dict[str, Any] = {**batch.inputs}
    if whole.pop("logits_to_keep", None):
        unread = whole["input_ids"].shape[1] - batch.labels.shape[1]
        whole["labels"] = torch.nn.functional.pad(batch.labels, (unread, 0), value=-100)
    with torch.no_grad():
        expected = model(**whole).loss * lesson.taught([rows])
        assert float(loss_of(model, batch)) == pytest.approx(float(expected), rel=1e-2), "bf16 where the processor has it"


def test_workers_of_one_learn_as_one_alone(
    lesson: WritingLesson, once: dict[str, bytes], one_worker: None, tmp_path: Path
) -> None:
    from safetensors.torch import load
    from torch.nn.parallel import DistributedDataParallel

    tuning = begin(lesson, DistributedDataParallel)
    for _ in range(lesson.options.epochs):
        run_epoch(tuning, lesson)
    expected, found = load(once[WEIGHTS]), load(files(tuning, tmp_path)[WEIGHTS])
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        assert found[name].numpy() == pytest.approx(weight.numpy(), abs=1e-5)


def test_the_adapter_names_what_it_belongs_to(lesson: WritingLesson, once: dict[str, bytes]) -> None:
    assert json.loads(once[CONFIG])["base_model_name_or_path"] == lesson.options.model
