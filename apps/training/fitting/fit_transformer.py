"""Fine-tunes the transformer family with Ray Train: the driver's side.

Ray must be connected already, by whichever front door runs this.
"""

from functools import partial
from pathlib import Path

import numpy as np

from apps.training.fitting.checkpoints import read_progress
from apps.training.fitting.compress import calibrated, fit_precision
from apps.training.fitting.encoders import find_encoder
from apps.training.fitting.examples import Examples, set_aside, stratified_sample
from apps.training.fitting.fine_tune import SCORE
from apps.training.fitting.fit_worker import learn
from apps.training.fitting.lesson import Lesson, TokenRows
from apps.training.fitting.out_of_fold import Fitted
from apps.training.fitting.ray_train import forget_unreadable, run_config, scaling, train
from apps.training.fitting.run_folders import RunFolders
from libs.common.config.training import TransformerFamily
from libs.common.features.cleaning import clean
from libs.common.features.text_network import TextNetwork
from libs.common.features.tokens import TOKENIZER, encode, read_tokenizer
from libs.common.logs import get_logger
from libs.common.models.transformer import TransformerClassifier

log = get_logger("training.fit_transformer")

# Of the rows learned, and at most so many: judging a checkpoint is to cost little of an epoch. Small classes keep 16 rows.
_JUDGED_SHARE = 0.1
_MOST_JUDGED = 400


def fit_transformer(
    examples: Examples,
    options: TransformerFamily,
    seed: int,
    workspace: Path,
    threads: int = 2,
    runs: RunFolders | None = None,
) -> Fitted[TransformerClassifier]:
    """Fit on a stratified sample of all folds but the one aside, which sets the temperature: it is not fitted again on all.

    The classifier's files stay in ``workspace``, which must outlive it. With ``runs``, the same call after a killed one goes
    on from its latest checkpoint.
    """
    learn_rows, aside = set_aside(examples, seed)
    lesson = prepare_lesson(*split_lesson(examples.take(learn_rows), options.max_emails, seed), options, seed)
    network = TextNetwork(_train(lesson, workspace, runs), options.max_tokens, threads)
    fitted = calibrated(TransformerClassifier(lesson.labels, network), examples, aside)
    return fit_precision(fitted, examples, options.compression, workspace / "int8")


def split_lesson(examples: Examples, most: int, seed: int) -> tuple[Examples, Examples]:
    """Rows to learn from, ``most`` at most, and the few of the lowest fold that judge checkpoints; none where a label goes.

    The rest of that fold is learned: without it, a small mailbox would lose a quarter of its mail. A mail whose thread is
    learned flatters a checkpoint, but all checkpoints of a run alike.
    """
    judged = set_aside(examples, seed)[1]
    few = min(_MOST_JUDGED, int(_JUDGED_SHARE * min(most, len(examples))))
    judged = judged[stratified_sample(examples.take(judged), few, seed)]
    taught = examples.take(np.setdiff1d(np.arange(len(examples)), judged))
    return taught.take(stratified_sample(taught, most, seed)), examples.take(judged)


def prepare_lesson(taught: Examples, judged: Examples, options: TransformerFamily, seed: int) -> Lesson:
    """Tokenize the rows to learn from and to judge on, whose labels are all among those of the former."""
    encoder = find_encoder(options.encoder)
    tokenizer = read_tokenizer(encoder / TOKENIZER, options.max_tokens)
    labels = taught.classes

    def tokenized(rows: Examples) -> TokenRows:
        tokens = encode(tokenizer, [clean(email).whole for email in rows.emails], options.max_tokens)
        return TokenRows(tuple(np.array(row, dtype=np.int32) for row in tokens), rows.numbers(labels))

    return Lesson(tokenized(taught), tokenized(judged), labels, str(encoder), options, seed)


def _train(lesson: Lesson, workspace: Path, runs: RunFolders | None) -> Path:
    """Run Ray Train; returns the folder of the ONNX graph and its tokenizer."""
    from apps.training.fitting.lean_trainer import LeanTrainer, by_torch

    options = lesson.options
    folder = (runs.folder(lesson.digest()) if runs else None) or workspace
    forget_unreadable(folder)
    booked, run = scaling(options.workers, options.use_gpu), run_config(folder, kept_by=SCORE)
    trainer = LeanTrainer(partial(learn, lesson), by_torch, booked, run)
    network = train(trainer, f"fine-tuning '{options.encoder}'", workspace)
    progress = read_progress(network)
    if progress.starts[1:]:
        log.warning("fine-tuning was interrupted, and went on from step %s", ", ".join(map(str, progress.starts[1:])))
    return network
