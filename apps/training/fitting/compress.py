"""Makes a fine-tuned network faster and smaller: int8 in place of fp32, kept only where it answers alike on rows set aside."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from apps.training.fitting.out_of_fold import Fitted, answers_to
from apps.training.fitting.precision import Trial, judge
from libs.common.config.training import Compression
from libs.common.features.text_network import NETWORK, TextNetwork
from libs.common.features.tokens import TOKENIZER
from libs.common.logs import get_logger
from libs.common.models.transformer import TransformerClassifier

log = get_logger("training.compress")


def calibrated(classifier: TransformerClassifier, examples: Examples, rows: NDArray[np.int64]) -> Fitted[TransformerClassifier]:
    """The classifier with the temperature of its answers to ``rows``, which it has not learned from."""
    aside = answers_to(examples, rows, classifier.labels, classifier.logits)
    return Fitted(replace(classifier, temperature=aside.temperature), aside)


def fit_precision(
    full: Fitted[TransformerClassifier], examples: Examples, limits: Compression, files: Path
) -> Fitted[TransformerClassifier]:
    """``full`` in int8 where that answers alike on the fold aside, else as it is; the new folder ``files`` holds int8."""
    if not limits.int8:
        return full
    classifier, aside = full.classifier, full.aside
    small = calibrated(replace(classifier, network=quantise(classifier.network, files)), examples, aside.rows)
    verdict = judge(aside.truth, aside.predicted, small.aside.predicted, len(classifier.labels), limits)
    log.info("%s", verdict.said)
    return replace(small if verdict.accepted else full, int8=Trial(verdict, classifier))


def quantise(network: TextNetwork, files: Path) -> TextNetwork:
    """Write an int8 copy of an fp32 ``network`` into the new folder ``files``: dynamic quantisation, a scale a column.

    Embeddings, pooler and classifier stay in fp32: they take next to no time, and it is the last two that decide.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    files.mkdir()
    prepared = files / "prepared.onnx"
    quant_pre_process(network.files / NETWORK, prepared, skip_optimization=True, skip_symbolic_shape=True)
    quantize_dynamic(
        prepared,
        files / NETWORK,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        # Seven bits: without VNNI the products of eight overflow, and nobody knows yet which machines will serve the model.
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()
    shutil.copyfile(network.files / TOKENIZER, files / TOKENIZER)
    return replace(network, files=files, precision="int8")
