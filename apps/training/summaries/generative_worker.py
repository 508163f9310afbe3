"""What one Ray Train worker of a language model does: tune its adapter, report it each epoch, and hand in the merged model.

Runs inside the worker process only; the driver's side is `apps.training.summaries.fit_generative`.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from apps.training.summaries.adapters import hand_in
from apps.training.summaries.lesson import WritingLesson
from apps.training.summaries.tuning import Tuning, begin, run_epoch
from libs.common.features.tokens import TOKENIZER


def learn(lesson: WritingLesson) -> None:
    """Tune on this worker's share of every epoch that no earlier worker reported; rank 0 reports what came of it."""
    import ray.train
    import ray.train.torch
    import torch

    context = ray.train.get_context()
    os.nice(max(0, lesson.options.niceness - os.nice(0)))
    torch.set_num_threads(lesson.options.threads_per_worker)
    tuning = begin(lesson, ray.train.torch.prepare_model)
    if reported := ray.train.get_checkpoint():
        with reported.as_directory() as folder:
            if (Path(folder) / TOKENIZER).is_file():
                return  # killed between the last report and its receipt
            tuning.resume(Path(folder))
    while tuning.epoch < lesson.options.epochs:
        loss = run_epoch(tuning, lesson, context.get_world_rank(), context.get_world_size())
        metrics = {"epoch": tuning.epoch, "loss": loss}
        if context.get_world_rank():
            ray.train.report(metrics)
        else:
            _report(tuning, lesson, metrics)


def _report(tuning: Tuning, lesson: WritingLesson, metrics: dict[str, Any]) -> None:
    """The adapter with all that is needed to go on; with the last epoch, what is served."""
    import ray.train

    with tempfile.TemporaryDirectory(prefix="adapter-") as scratch:
        folder = Path(scratch)
        if tuning.epoch < lesson.options.epochs:
            tuning.save(folder)
        else:
            hand_in(tuning.adapted, lesson.base, folder)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
