"""Fine-tuning a language model's adapter, an epoch at a time, from the beginning or from where another worker was stopped.

The frozen model computes as it does in serving, without dropout: nothing is random but the adapter's beginning and the order
of the mails, so that a run which resumes ends with the adapter of one that never stopped.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.learner import precision
from apps.training.fitting.schedule import learning_share
from apps.training.summaries.adapters import add_adapter, load_adapter, save_adapter
from apps.training.summaries.lesson import UNTAUGHT, Batch, WritingLesson, batch_of
from libs.common.models.generative import read_model

MOMENTS = "optimizer.safetensors"
PROGRESS = "progress.json"

_LONGEST_STEP = 1.0


@dataclass
class Tuning:
    """A model with its adapter, half way through a lesson; ``model`` may be wrapped for several workers."""

    model: Any
    name: str
    optimizer: Any
    epoch: int = 0
    step: int = 0

    @property
    def adapted(self) -> Any:
        """The model as peft knows it."""
        return getattr(self.model, "module", self.model)

    def save(self, folder: Path) -> None:
        """Write the adapter and all that is needed to go on."""
        from safetensors.torch import save_file

        save_adapter(self.adapted, self.name, folder)
        state = self.optimizer.state_dict()["state"]
        moments = {f"{number}.{name}": part for number, kept in state.items() for name, part in kept.items()}
        save_file(moments, folder / MOMENTS)
        (folder / PROGRESS).write_text(json.dumps({"epoch": self.epoch, "step": self.step}))

    def resume(self, folder: Path) -> None:
        """Go on where the one that wrote ``folder`` was."""
        from safetensors.torch import load_file

        load_adapter(self.adapted, folder)
        state: dict[int, dict[str, Any]] = {}
        for key, part in load_file(folder / MOMENTS).items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = part
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        progress = json.loads((folder / PROGRESS).read_text())
        self.epoch, self.step = progress["epoch"], progress["step"]


def begin(lesson: WritingLesson, prepare: Callable[[Any], Any] = lambda model: model) -> Tuning:
    """The model of a lesson with a new adapter, drawn by its seed; ``prepare`` moves it to where it learns."""
    import torch

    torch.manual_seed(lesson.seed)
    model = prepare(add_adapter(read_model(lesson.base.folder, lesson.form), lesson.options).eval())
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return Tuning(model, lesson.base.name, torch.optim.AdamW(learning, lr=lesson.options.learning_rate, weight_decay=0.0))


def run_epoch(tuning: Tuning, lesson: WritingLesson, rank: int = 0, workers: int = 1) -> float:
    """Learn this worker's share of the next epoch; the mean loss of a token."""
    planned = lesson.steps_of(tuning.epoch, rank, workers)
    total = [_run_step(tuning, lesson, step, len(planned) * lesson.options.epochs) for step in planned]
    tuning.epoch += 1
    return float(np.mean(total))


def _run_step(tuning: Tuning, lesson: WritingLesson, step: list[NDArray[np.int64]], steps: int) -> float:
    """Every token weighs the same, whichever of the step's batches it is in."""
    import torch

    taught = lesson.taught(step)
    total = 0.0
    for place, rows in enumerate(step):
        # Workers compare their gradients once a step, with the last batch.
        alone = tuning.model is not tuning.adapted and place + 1 < len(step)
        with tuning.model.no_sync() if alone else nullcontext():
            loss = loss_of(tuning.model, batch_of(lesson, rows)) / taught
            loss.backward()
        total += float(loss.detach())
    for group in tuning.optimizer.param_groups:
        group["lr"] = lesson.options.learning_rate * learning_share(tuning.step, steps)
    torch.nn.utils.clip_grad_norm_(tuning.model.parameters(), _LONGEST_STEP)
    tuning.optimizer.step()
    tuning.optimizer.zero_grad(set_to_none=True)
    tuning.step += 1
    return total


def loss_of(model: Any, batch: Batch) -> Any:
    """The cross-entropy of a batch, summed over the tokens that are taught."""
    import torch

    device = next(model.parameters()).device
    read = {name: part.to(device) if isinstance(part, torch.Tensor) else part for name, part in batch.inputs.items()}
    with precision(device):
        logits = model(**read, use_cache=False).logits
    # A model that goes on answers each token with the next: the last one's answer is past the line.
    answers = logits[:, : batch.labels.shape[1]].float().flatten(0, 1)
    labels = batch.labels.to(device).flatten()
    return torch.nn.functional.cross_entropy(answers, labels, ignore_index=UNTAUGHT, reduction="sum")
