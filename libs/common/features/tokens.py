"""From texts to the token numbers that a transformer reads, and batches of them that waste little on padding."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"

# No 128 tokens of real mail span more characters; what lies past them costs tokenizing time only.
CHARS_PER_TOKEN = 16

Tokens = list[int]


def read_tokenizer(path: Path, max_tokens: int) -> "Tokenizer":
    """The tokenizer of a tokenizer.json, cutting at ``max_tokens`` and padding nothing."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: "Tokenizer", texts: Sequence[str], max_tokens: int) -> list[Tokens]:
    """The token numbers of each text, one at a time: a batch would take every core of the machine."""
    return [tokenizer.encode(beginning(text, max_tokens)).ids for text in texts]


def beginning(text: str, max_tokens: int) -> str:
    """As much of a text as its first ``max_tokens`` tokens can lie in; half characters, which no tokenizer takes, are "?"."""
    return text[: max_tokens * CHARS_PER_TOKEN].encode("utf-8", "replace").decode()


def length_batches(lengths: Sequence[int], size: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers in batches of at most ``size``, shortest texts first."""
    order = np.argsort(np.asarray(lengths, dtype=np.int64), kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size]


def pad(batch: Sequence[Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n, longest) token numbers, zero where there is none, and the mask that says where."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def pad_left(batch: Sequence[Tokens]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """As `pad`, but all rows end together, so that what a model writes next follows each of them at once."""
    ids, mask = pad([tokens[::-1] for tokens in batch])
    return ids[:, ::-1].copy(), mask[:, ::-1].copy()
