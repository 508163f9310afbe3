"""What one Ray Train worker does: fit LoRA and a head to the ROUGE of an e-mail's stretches, and hand in its ONNX graph.

Runs inside the worker process only; the driver's side is `apps.training.summaries.fit_extractive`.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.batches import plan_batches
from apps.training.fitting.encoders import attention, export_token_scorer
from apps.training.fitting.learner import precision
from apps.training.summaries.adapters import save_adapter
from libs.common.config.training import ExtractiveFamily
from libs.common.features.tokens import pad
from libs.common.models.extractive import ADAPTER, COLUMNS, span_scores, span_weights

# The attention's matrices of BERT.
_TARGETS = ("query", "key", "value", "attention.output.dense")
_WARM_UP_SHARE = 0.1
_LONGEST_STEP = 1.0


@dataclass(frozen=True)
class SpanLesson:
    """What is to be learned: of each e-mail the token numbers, the first token of each word, and the ROUGE of each stretch.

    ``rewards`` are (words, most_words), below zero where there is no stretch; ``encoder`` is the folder it lies in here.
    """

    tokens: tuple[NDArray[np.int32], ...]
    pieces: tuple[NDArray[np.int64], ...]
    rewards: tuple[NDArray[np.float16], ...]
    reference_words: float
    encoder: str
    options: ExtractiveFamily
    seed: int


def learn_spans(lesson: SpanLesson) -> None:
    """Train on this worker's share of every epoch's batches; rank 0 hands in the network and the adapter with the last."""
    import ray.train
    import ray.train.torch
    import torch

    context = ray.train.get_context()
    workers, options = context.get_world_size(), lesson.options
    os.nice(max(0, options.niceness - os.nice(0)))
    torch.set_num_threads(options.threads_per_worker)
    torch.manual_seed(lesson.seed)
    model = ray.train.torch.prepare_model(build_scorer(lesson.encoder, options))
    epochs = [
        list(plan_batches(lesson.tokens, options.batch_size, lesson.seed + epoch, workers)) for epoch in range(options.epochs)
    ]
    optimizer, schedule = _optimizer(model, options, sum(map(len, epochs)) // workers)
    for epoch, plan in enumerate(epochs):
        loss = _run_epoch(model, optimizer, schedule, lesson, plan[context.get_world_rank() :: workers])
        metrics = {"epoch": epoch + 1, "loss": loss}
        if epoch + 1 == options.epochs and context.get_world_rank() == 0:
            with tempfile.TemporaryDirectory(prefix="network-") as scratch:
                files = hand_in(getattr(model, "module", model), lesson, Path(scratch))
                ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(files))
        else:
            ray.train.report(metrics)


def build_scorer(encoder: str, options: ExtractiveFamily) -> Any:
    """The encoder with a new head of three numbers a token; trainable are the head and LoRA's weights (Hu et al. 2021)."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(
        encoder,
        local_files_only=True,
        num_labels=COLUMNS,
        attn_implementation=attention(),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    lora = LoraConfig(task_type="TOKEN_CLS", r=options.lora_rank, lora_alpha=options.lora_alpha, target_modules=list(_TARGETS))
    return get_peft_model(model, lora).train()


def hand_in(model: Any, lesson: SpanLesson, scratch: Path) -> Path:
    """The folder of graph, tokenizer and adapter; the adapter's weights are merged into the graph's."""
    adapter, weights, files = scratch / ADAPTER, scratch / "weights", scratch / "files"
    save_adapter(model, lesson.options.encoder, adapter)
    model.merge_and_unload(safe_merge=True).save_pretrained(weights)
    export_token_scorer(weights, Path(lesson.encoder), files, lesson.options.max_tokens)
    adapter.rename(files / ADAPTER)
    return files


def span_loss(answers: Any, rewards: Any, weights: Any, sharpness: float) -> Any:
    """The cross entropy of the scores of (n, w, 3) ``answers`` against the (n, w, most) rewards, raised to ``sharpness``.

    Rewards below zero mark what is no stretch. Of every e-mail at least one reward must be above zero.
    """
    scores = span_scores(answers, weights).masked_fill(rewards < 0, -1e9).flatten(1)
    wanted = rewards.clamp(min=0).flatten(1) ** sharpness
    wanted = wanted / wanted.sum(dim=1, keepdim=True)
    return -(wanted * scores.log_softmax(dim=1)).sum(dim=1).mean()


def _optimizer(model: Any, options: ExtractiveFamily, steps: int) -> tuple[Any, Any]:
    """AdamW over what is to be trained; the rate rises for a tenth of the steps, then falls to zero."""
    import torch
    from transformers import get_linear_schedule_with_warmup

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=options.learning_rate, fused=True)
    return optimizer, get_linear_schedule_with_warmup(optimizer, int(steps * _WARM_UP_SHARE), steps)


def _run_epoch(model: Any, optimizer: Any, schedule: Any, lesson: SpanLesson, batches: list[NDArray[np.int64]]) -> float:
    import torch
    from ray.train.torch import get_device

    device = get_device()
    weights = torch.from_numpy(span_weights(lesson.options.most_words, lesson.reference_words)).to(device)
    total = 0.0
    for rows in batches:
        ids, mask, pieces, rewards = (torch.from_numpy(part).to(device) for part in _batch(lesson, rows.tolist()))
        with precision(device):
            answers = model(input_ids=ids, attention_mask=mask).logits
        of_words = answers.float().gather(1, pieces.unsqueeze(-1).expand(-1, -1, COLUMNS))
        loss = span_loss(of_words, rewards, weights, lesson.options.sharpness)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _LONGEST_STEP)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        total += float(loss.detach())
    return total / max(1, len(batches))


def _batch(lesson: SpanLesson, rows: list[int]) -> tuple[NDArray[Any], ...]:
    """Token numbers, mask, first tokens of words, rewards: each as long as the longest e-mail's."""
    ids, mask = pad([lesson.tokens[row].tolist() for row in rows])
    longest = max(len(lesson.pieces[row]) for row in rows)
    pieces = np.zeros((len(rows), longest), dtype=np.int64)
    rewards = np.full((len(rows), longest, lesson.options.most_words), -1.0, dtype=np.float32)
    for place, row in enumerate(rows):
        pieces[place, : len(lesson.pieces[row])] = lesson.pieces[row]
        rewards[place, : len(lesson.rewards[row])] = lesson.rewards[row]
    return cast("tuple[NDArray[Any], ...]", (ids, mask, pieces, rewards))
