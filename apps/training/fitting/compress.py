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

    Embeddings, pooler and classifier stay in fp32: they take next to no time, and it is the last two that decide. So does the
    second half of each feed-forward.
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
        nodes_to_exclude=_narrowing(prepared),
        per_channel=True,
        # Seven bits: without VNNI the products of eight overflow, and nobody knows yet which machines will serve the model.
        # As many labels flipped in eight (see `_narrowing`); with one scale a matrix instead of a column, 38 of the 500 did.
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()
    shutil.copyfile(network.files / TOKENIZER, files / TOKENIZER)
    return replace(network, files=files, precision="int8")


def _narrowing(graph: Path) -> list[str]:
    """The names of the multiplications that make rows shorter: in an encoder, the second half of each feed-forward.

    What they read has a few very large numbers among many small ones, which one scale for all cannot tell apart: of 500 labels
    of a transformer that 300 mails had taught, 6 flipped with them in int8, 1 without, for a tenth of the speed.
    """
    import onnx

    model = onnx.load(graph).graph
    shapes = {weights.name: tuple(weights.dims) for weights in model.initializer}
    multiplied = [(node.name, shapes.get(node.input[1], ())) for node in model.node if node.op_type == "MatMul"]
    return [name for name, shape in multiplied if len(shape) == 2 and shape[0] > shape[1]]
