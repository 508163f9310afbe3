"""What one Ray Train worker does: fine-tune an encoder on tokenized e-mails, and hand in its ONNX graph.

Runs inside the worker process only; the driver's side is `apps.training.fitting.fit_transformer`.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.encoders import export_classifier
from libs.common.config.training import TransformerFamily
from libs.common.features.tokens import pad

# Batches are cut from windows of this many, sorted by length: little padding, and still another order each epoch.
_WINDOW = 16
_WARM_UP_SHARE = 0.1
_WEIGHT_DECAY = 0.01
_LONGEST_STEP = 1.0


@dataclass(frozen=True)
class Lesson:
    """What is to be learned: token numbers and class number of each row, from which encoder, and how."""

    tokens: tuple[NDArray[np.int32], ...]
    truth: NDArray[np.int64]
    labels: tuple[str, ...]
    encoder: str
    options: TransformerFamily
    seed: int


def learn(lesson: Lesson) -> None:
    """Fine-tune on this worker's share of every epoch's batches; rank 0 hands in the network with the last epoch."""
    import ray.train
    import torch

    context = ray.train.get_context()
    options = lesson.options
    os.nice(max(0, options.niceness - os.nice(0)))
    torch.set_num_threads(options.threads_per_worker)
    torch.manual_seed(lesson.seed)
    model = _build(lesson)
    epochs = [
        list(plan_batches(lesson.tokens, options.batch_size, lesson.seed + epoch, context.get_world_size()))
        for epoch in range(options.epochs)
    ]
    optimizer, schedule = _optimizer(model, options, sum(len(plan) for plan in epochs) // context.get_world_size())
    for epoch, plan in enumerate(epochs):
        loss = _run_epoch(model, optimizer, schedule, lesson, plan[context.get_world_rank() :: context.get_world_size()])
        metrics = {"epoch": epoch + 1, "loss": loss}
        if epoch + 1 == options.epochs and context.get_world_rank() == 0:
            _hand_in(model, lesson, metrics)
        else:
            ray.train.report(metrics)


def plan_batches(tokens: tuple[NDArray[np.int32], ...], size: int, seed: int, workers: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each batch of one epoch, texts of like length together; their count is a multiple of ``workers``."""
    generator = np.random.default_rng(seed)
    lengths = np.array([len(row) for row in tokens])
    order = generator.permutation(len(tokens))
    windows = [order[start : start + size * _WINDOW] for start in range(0, len(order), size * _WINDOW)]
    by_length = np.concatenate([window[np.argsort(lengths[window], kind="stable")] for window in windows])
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    # Workers step together, so the last few are repeated until each has as many.
    missing = -len(batches) % workers
    batches += [batches[place % len(batches)] for place in range(missing)]
    yield from (batches[place] for place in generator.permutation(len(batches)))


def _build(lesson: Lesson) -> Any:
    import ray.train.torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(
        lesson.encoder,
        local_files_only=True,
        num_labels=len(lesson.labels),
        hidden_dropout_prob=lesson.options.dropout,
        attention_probs_dropout_prob=lesson.options.dropout,
    )
    # Half of the parameters, and the least to gain: the word embeddings stay as they were pretrained.
    model.get_input_embeddings().requires_grad_(False)
    model.train()
    return ray.train.torch.prepare_model(cast(Any, model))


def _optimizer(model: Any, options: TransformerFamily, steps: int) -> tuple[Any, Any]:
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, weight_decay=_WEIGHT_DECAY, fused=True)
    warm_up = max(1, int(steps * _WARM_UP_SHARE))

    def share(step: int) -> float:
        return min((step + 1) / warm_up, max(0.0, (steps - step) / max(1, steps - warm_up)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def _run_epoch(model: Any, optimizer: Any, schedule: Any, lesson: Lesson, batches: list[NDArray[np.int64]]) -> float:
    import torch
    from ray.train.torch import get_device

    device = get_device()
    total = 0.0
    for rows in batches:
        ids, mask = (torch.from_numpy(part).to(device) for part in pad([lesson.tokens[row].tolist() for row in rows]))
        truth = torch.from_numpy(lesson.truth[rows]).to(device)
        with precision(device):
            logits = model(input_ids=ids, attention_mask=mask).logits
        loss = torch.nn.functional.cross_entropy(logits.float(), truth)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _LONGEST_STEP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        total += float(loss.detach())
    return total / max(1, len(batches))


def precision(device: Any) -> AbstractContextManager[Any]:
    """bf16 where the processor multiplies it itself (1.6–1.9 times faster); elsewhere it would be slower than fp32."""
    import torch

    native = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
    return torch.autocast(device_type=device.type, dtype=torch.bfloat16, enabled=native)


def _hand_in(model: Any, lesson: Lesson, metrics: dict[str, float]) -> None:
    """Exported here, where torch and transformers are loaded: the driver needs neither."""
    import ray.train

    with tempfile.TemporaryDirectory(prefix="network-") as scratch:
        weights, files = Path(scratch) / "weights", Path(scratch) / "onnx"
        getattr(model, "module", model).save_pretrained(weights)
        export_classifier(weights, Path(lesson.encoder), files, lesson.options.max_tokens)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(files))
