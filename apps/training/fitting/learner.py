"""An encoder under a classifier's head while it learns: one step, the answers so far, and its state. Knows no Ray."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.batches import Batch
from apps.training.fitting.checkpoints import read_tensors, write_tensors
from apps.training.fitting.encoders import attention
from apps.training.fitting.imbalance import class_weights
from apps.training.fitting.lesson import Lesson, TokenRows
from libs.common.features.tokens import length_batches, pad

_WEIGHT_DECAY = 0.01
_LONGEST_STEP = 1.0
_JUDGED_TOGETHER = 32
# What BERT and its kin, and what DistilBERT call it.
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "seq_classif_dropout")


def build_classifier(lesson: Lesson) -> Any:
    """The encoder with a new head for the lesson's labels, all of it the seed's."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    torch.manual_seed(lesson.seed)
    config: Any = AutoConfig.from_pretrained(lesson.encoder, num_labels=len(lesson.labels), local_files_only=True)
    for name in _DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, lesson.options.dropout)
    model = AutoModelForSequenceClassification.from_pretrained(
        lesson.encoder, config=config, attn_implementation=attention(), local_files_only=True
    )
    # Half of the parameters, and the least to gain: what stands before the first layer stays as it was pretrained.
    getattr(model.base_model, "embeddings", model.get_input_embeddings()).requires_grad_(False)
    return model.train()


class Learner:
    """A network, alone or in DistributedDataParallel, with its optimizer and the device that both are on."""

    def __init__(self, lesson: Lesson, model: Any, device: Any) -> None:
        import torch

        self._rows, self._model, self.device = lesson.learn, model, device
        self.bare = getattr(model, "module", model)
        self._trained: dict[str, Any] = {name: one for name, one in self.bare.named_parameters() if one.requires_grad}
        rate = lesson.options.learning_rate
        self._optimizer = torch.optim.AdamW(self._trained.values(), lr=rate, weight_decay=_WEIGHT_DECAY, fused=True)
        self._weights: Any = None
        if lesson.options.class_weights == "balanced":
            weights = class_weights(lesson.learn.truth, len(lesson.labels))
            self._weights = torch.tensor(weights, dtype=torch.float32, device=device)

    def step(self, batches: list[Batch], rate: float) -> Any:
        """Learn from the batches as one, and return their mean loss as a tensor; workers share each step's gradient."""
        import torch

        total: Any = 0.0
        for place, rows in enumerate(batches, 1):
            with self._apart(last=place == len(batches)):
                loss = self._loss(self._rows.take(rows)) / len(batches)
                loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(self._trained.values(), _LONGEST_STEP)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def answers(self, rows: TokenRows) -> NDArray[np.int64]:
        """(n,) the class number that each row is given as things stand."""
        import torch

        found = np.empty(len(rows), dtype=np.int64)
        self.bare.eval()
        with torch.no_grad():
            for batch in length_batches([len(tokens) for tokens in rows.tokens], _JUDGED_TOGETHER):
                found[batch] = self._logits(self.bare, rows.take(batch)).argmax(dim=1).cpu().numpy()
        self.bare.train()
        return found

    def save(self, folder: Path) -> None:
        """Write the trained weights and the optimizer's moments."""
        tensors = {f"weight/{name}": weight for name, weight in self._trained.items()}
        for name, weight in self._trained.items():
            tensors |= {f"{kind}/{name}": value for kind, value in self._optimizer.state[weight].items()}
        write_tensors(folder, tensors)

    def restore(self, folder: Path) -> None:
        """Go on as the learner that saved there."""
        import torch

        saved = read_tensors(folder)
        with torch.no_grad():
            for name, weight in self._trained.items():
                weight.copy_(saved.pop(f"weight/{name}"))
        for key, value in saved.items():
            kind, _, name = key.partition("/")
            self._optimizer.state[self._trained[name]][kind] = value.to(self.device)

    def _loss(self, rows: TokenRows) -> Any:
        import torch

        truth = torch.from_numpy(rows.truth).to(self.device)
        losses = torch.nn.functional.cross_entropy(self._logits(self._model, rows), truth, reduction="none")
        # Over the rows, not over their weights: else accumulated batches would not add up to the one they stand for.
        return losses.mean() if self._weights is None else (losses * self._weights[truth]).mean()

    def _logits(self, model: Any, rows: TokenRows) -> Any:
        import torch

        ids, mask = (torch.from_numpy(part).to(self.device) for part in pad([row.tolist() for row in rows.tokens]))
        with precision(self.device):
            return model(input_ids=ids, attention_mask=mask).logits.float()

    def _apart(self, last: bool) -> AbstractContextManager[Any]:
        """Gradients travel between workers with the last batch of a step only."""
        return nullcontext() if last or self._model is self.bare else self._model.no_sync()


def precision(device: Any) -> AbstractContextManager[Any]:
    """bf16 where the processor multiplies it itself (1.6–1.9 times faster on CPU); elsewhere it would be slower than fp32."""
    import torch

    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = bool(cast(Any, torch.cpu).get_capabilities().get("avx512_bf16", False))
    return torch.autocast(device_type=device.type, dtype=torch.bfloat16, enabled=native)
