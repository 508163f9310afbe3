"""Fine-tunes the transformer family with Ray Train: the driver's side.

Ray must be connected already, by whichever front door runs this.
"""

from functools import partial
from pathlib import Path

import numpy as np

from apps.training.fitting.compress import calibrated, fit_precision
from apps.training.fitting.encoders import find_encoder
from apps.training.fitting.examples import Examples, set_aside, stratified_sample
from apps.training.fitting.fit_worker import Lesson, learn
from apps.training.fitting.out_of_fold import Fitted
from apps.training.fitting.ray_train import run_config, scaling, train
from libs.common.config.training import TransformerFamily
from libs.common.features.cleaning import clean
from libs.common.features.text_network import TextNetwork
from libs.common.features.tokens import TOKENIZER, encode, read_tokenizer
from libs.common.models.transformer import TransformerClassifier


def fit_transformer(
    examples: Examples, options: TransformerFamily, seed: int, workspace: Path, threads: int = 2
) -> Fitted[TransformerClassifier]:
    """Fit on a stratified sample of all folds but the one aside, which sets the temperature: it is not fitted again on all.

    The classifier's files stay in ``workspace``, which must outlive it.
    """
    learn_rows, judge = set_aside(examples, seed)
    taught = examples.take(learn_rows)
    taught = taught.take(stratified_sample(taught, options.max_emails, seed))
    encoder = find_encoder(options.encoder)
    labels = examples.classes
    files = _train(_lesson(taught, labels, encoder, options, seed), workspace)
    fitted = calibrated(TransformerClassifier(labels, TextNetwork(files, options.max_tokens, threads)), examples, judge)
    return fit_precision(fitted, examples, options.compression, workspace / "int8")


def _lesson(examples: Examples, labels: tuple[str, ...], encoder: Path, options: TransformerFamily, seed: int) -> Lesson:
    tokenizer = read_tokenizer(encoder / TOKENIZER, options.max_tokens)
    tokens = encode(tokenizer, [clean(email).whole for email in examples.emails], options.max_tokens)
    return Lesson(
        tuple(np.array(row, dtype=np.int32) for row in tokens), examples.numbers(labels), labels, str(encoder), options, seed
    )


def _train(lesson: Lesson, workspace: Path) -> Path:
    """Run Ray Train; returns the folder of the ONNX graph and its tokenizer."""
    from ray.train.torch import TorchTrainer

    options = lesson.options
    trainer = TorchTrainer(
        partial(learn, lesson),
        scaling_config=scaling(options.workers, options.use_gpu),
        run_config=run_config(workspace),
    )
    return train(trainer, f"fine-tuning '{options.encoder}'", workspace)
