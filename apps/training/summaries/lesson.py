"""What a language model is to learn, as token numbers, and the batches that its worker sees of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.batches import plan_batches
from apps.training.summaries.pretrained import Pretrained
from libs.common.config.training import GenerativeFamily
from libs.common.features.prompts import Form
from libs.common.features.tokens import pad

if TYPE_CHECKING:
    import torch

Tokens = NDArray[np.int32]
# What cross-entropy leaves out.
UNTAUGHT = -100


@dataclass(frozen=True)
class WritingLesson:
    """Prompts and the lines to write for them, each line with its end; from which model, and how."""

    prompts: tuple[Tokens, ...]
    lines: tuple[Tokens, ...]
    form: Form
    base: Pretrained
    options: GenerativeFamily
    seed: int

    def steps_of(self, epoch: int, rank: int, workers: int) -> list[list[NDArray[np.int64]]]:
        """One worker's share of an epoch: the rows of each batch of each step, as many steps for every worker."""
        batches = list(plan_batches(self.prompts, self.options.batch_size, self.seed + epoch, workers))[rank::workers]
        group = self.options.accumulation
        return [batches[start : start + group] for start in range(0, len(batches), group)]

    def taught(self, step: Sequence[NDArray[np.int64]]) -> int:
        """How many tokens a step teaches."""
        return sum(len(self.lines[row]) for rows in step for row in rows)


@dataclass(frozen=True)
class Batch:
    """What a model reads, and what it is to say: (n, t) ``labels`` of the last t tokens that it answers."""

    inputs: dict[str, Any]
    labels: "torch.Tensor"


def batch_of(lesson: WritingLesson, rows: NDArray[np.int64]) -> Batch:
    """The batch of the given rows; padding stands behind, where neither kind of model looks."""
    if lesson.form.continues:
        return _going_on(lesson, rows)
    return _apart(lesson, rows)


def _apart(lesson: WritingLesson, rows: NDArray[np.int64]) -> Batch:
    import torch

    ids, mask = pad([lesson.prompts[row].tolist() for row in rows])
    labels = torch.from_numpy(_labels([lesson.lines[row].tolist() for row in rows]))
    read = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    # The model shifts them itself, as its makers want it.
    return Batch({**read, "labels": labels}, labels)


def _going_on(lesson: WritingLesson, rows: NDArray[np.int64]) -> Batch:
    """Only from the shortest prompt's end on are tokens scored: the output layer is a third of a small GPT."""
    import torch

    ids, mask = pad([[*lesson.prompts[row].tolist(), *lesson.lines[row].tolist()] for row in rows])
    begun = min(len(lesson.prompts[row]) for row in rows)
    labels = _labels([[UNTAUGHT] * len(lesson.prompts[row]) + lesson.lines[row].tolist() for row in rows])[:, begun:]
    read = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    keep = ids.shape[1] - begun + 1
    return Batch({**read, "logits_to_keep": keep}, torch.from_numpy(labels))


def _labels(lines: list[list[int]]) -> NDArray[np.int64]:
    ids, mask = pad(lines)
    return np.where(mask == 1, ids, UNTAUGHT)
