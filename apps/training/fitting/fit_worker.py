"""What one Ray Train worker does: fine-tune an encoder on its share, keep checkpoints, and hand in the ONNX graph of the best.

Runs inside the worker process only; the driver's side is `apps.training.fitting.fit_transformer`.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from apps.training.fitting.checkpoints import Progress, read_progress, write_progress
from apps.training.fitting.encoders import export_classifier
from apps.training.fitting.fine_tune import Share, fine_tune
from apps.training.fitting.learner import Learner, build_classifier
from apps.training.fitting.lesson import Lesson
from libs.common.features.text_network import NETWORK


def learn(lesson: Lesson) -> None:
    """Fine-tune, from the latest checkpoint where there is one; rank 0 hands in the network that judged best."""
    import ray.train
    import torch

    context = ray.train.get_context()
    share = Share(context.get_world_rank(), context.get_world_size())
    os.nice(max(0, lesson.options.niceness - os.nice(0)))
    torch.set_num_threads(lesson.options.threads_per_worker)
    with ExitStack() as stack:
        latest = ray.train.get_checkpoint()
        begun = Path(stack.enter_context(latest.as_directory())) if latest else None
        if begun and (begun / NETWORK).is_file():
            return  # killed between the last report and its receipt
        learner, progress = _begin(lesson, begun)
    ended = fine_tune(learner, lesson, share, progress, partial(_keep, learner, share))
    _hand_in(learner, lesson, share, ended)


def _begin(lesson: Lesson, begun: Path | None) -> tuple[Learner, Progress]:
    from ray.train.torch import get_device, prepare_model

    learner = Learner(lesson, prepare_model(build_classifier(lesson)), get_device())
    if begun is None:
        return learner, Progress().started()
    learner.restore(begun)
    return learner, read_progress(begun).started()


def _keep(learner: Learner, share: Share, progress: Progress, metrics: dict[str, float]) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        learner.save(folder)
        write_progress(folder, progress)

    _report(share, metrics, write)


def _hand_in(learner: Learner, lesson: Lesson, share: Share, ended: Progress) -> None:
    """Exported here, where torch and transformers are loaded: the driver needs neither."""
    import ray.train

    # Sorted by score, and of equals the newest is last.
    best = ray.train.get_all_reported_checkpoints()[-1]

    def write(folder: Path) -> None:
        with best.checkpoint.as_directory() as kept, tempfile.TemporaryDirectory(prefix="weights-") as weights:
            learner.restore(Path(kept))
            learner.bare.save_pretrained(weights)
            export_classifier(Path(weights), Path(lesson.encoder), folder, lesson.options.max_tokens)
        write_progress(folder, ended)

    _report(share, best.metrics, write)


def _report(share: Share, metrics: dict[str, Any], write: Callable[[Path], None]) -> None:
    """All workers report as often as each other; rank 0 adds a checkpoint, which ``write`` puts into a new folder."""
    import ray.train

    if share.rank:
        ray.train.report(metrics)
        return
    with tempfile.TemporaryDirectory(prefix="checkpoint-") as scratch:
        folder = Path(scratch) / "checkpoint"
        write(folder)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
