"""An encoder of BERT's kind that learns in milliseconds, and a lesson for it."""

from pathlib import Path
from typing import Any

from apps.training.fitting.examples import set_aside
from apps.training.fitting.fit_transformer import prepare_lesson, split_lesson
from apps.training.fitting.lesson import Lesson
from libs.common.config.training import TransformerFamily
from tests.unit.apps.training.mails import COMMON, WORDS, mailbox

MAX_TOKENS = 32


def tiny_encoder(folder: Path) -> Path:
    """Two layers of 32 numbers, of the seed, that know the words of `mailbox`."""
    import torch
    from transformers import BertConfig, BertModel

    words = _save_tokenizer(folder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    # Wide: with BERT's own 0.02 all texts look alike to so small a network.
    BertModel(BertConfig(vocab_size=words, max_position_embeddings=MAX_TOKENS, initializer_range=0.1, **sizes)).save_pretrained(
        folder
    )
    return folder


def _save_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted({*COMMON, *(word for some in WORDS.values() for word in some)})]
    tokenizer: Any = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return len(words)


def tiny_options(encoder: Path, **changed: Any) -> TransformerFamily:
    """Nine steps an epoch on the 72 rows that a `mailbox` of 120 has to learn from."""
    options: dict[str, Any] = {
        "encoder": str(encoder),
        "max_tokens": MAX_TOKENS,
        "max_emails": 72,
        "epochs": 2,
        "batch_size": 8,
        "accumulation": 1,
        "learning_rate": 5e-3,
        "class_weights": "none",
        "checkpoint_steps": 3,
        "patience": 0,
        "dropout": 0.1,
        "workers": 1,
        "threads_per_worker": 1,
        "use_gpu": False,
        "niceness": 0,
        "compression": {"int8": False, "max_flips": 0.0, "max_macro_f1_loss": 0.0},
    }
    return TransformerFamily.model_validate({**options, **changed})


def tiny_lesson(encoder: Path, **changed: Any) -> Lesson:
    """Of a `mailbox` of 120, three folds to learn from, one to judge checkpoints on, and one that is not in it."""
    options, mails = tiny_options(encoder, **changed), mailbox(120)
    learned = mails.take(set_aside(mails, seed=1)[0])
    return prepare_lesson(*split_lesson(learned, options.max_emails, seed=1), options, seed=1)
