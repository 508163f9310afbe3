"""A real summarizer of the extractive family whose network is a table: it picks the words that it was told to."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from libs.common.features.text_network import NETWORK, TextNetwork
from libs.common.models.extractive import ADAPTER, COLUMNS, ExtractiveSummarizer

_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def tiny_summarizer(folder: Path, telling: Collection[str], most_words: int = 3) -> ExtractiveSummarizer:
    """One that gives of each mail the stretch with the most ``telling`` words; its files lie in the new ``folder``."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    (folder / ADAPTER).mkdir(parents=True)
    words = [*_PIECES, *sorted(telling)]
    _save_tokenizer(folder, words)
    table = np.zeros((len(words), COLUMNS), dtype=np.float32)
    table[len(_PIECES) :, COLUMNS - 1] = 1
    shown = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["scores"])],
        "table",
        [shown(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask")],
        [shown("scores", TensorProto.FLOAT, ["n", "t", COLUMNS])],
        [numpy_helper.from_array(table, "table")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / NETWORK)
    return ExtractiveSummarizer(TextNetwork(folder, 64), most_words, reference_words=float(most_words))


def _save_tokenizer(folder: Path, words: list[str]) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
