"""What the transformer family learns: tokenized e-mails with their classes, from which encoder, and how."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from libs.common.config.training import TransformerFamily

# A checkpoint of one release need not be readable, or go on alike, in another.
_WRITTEN_BY = ("ray", "torch", "transformers")
# Raised when what is trained, or how, changes: 2 leaves all embeddings as they were, not those of words alone.
_RECIPE = 2


@dataclass(frozen=True)
class TokenRows:
    """Token numbers and class number of each row."""

    tokens: tuple[NDArray[np.int32], ...]
    truth: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: Sequence[int] | NDArray[np.int64] | range) -> "TokenRows":
        """The given rows, in the given order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return TokenRows(tuple(self.tokens[row] for row in chosen.tolist()), self.truth[chosen])


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from and rows to judge on (none: nothing is judged), from which encoder, and how."""

    learn: TokenRows
    judge: TokenRows
    labels: tuple[str, ...]
    encoder: str
    options: TransformerFamily
    seed: int

    def digest(self) -> str:
        """The same for lessons that end in the same network, so that one may go on where another was killed."""
        found = hashlib.sha256()
        for rows in (self.learn, self.judge):
            found.update(np.array([len(rows), *map(len, rows.tokens)], dtype=np.int64).tobytes())
            found.update(b"".join(row.tobytes() for row in rows.tokens) + rows.truth.tobytes())
        for path in sorted(path for path in Path(self.encoder).iterdir() if path.is_file()):
            found.update(path.name.encode() + path.read_bytes())
        said = (_RECIPE, self.labels, self.options.model_dump_json(), self.seed, [version(name) for name in _WRITTEN_BY])
        found.update(repr(said).encode())
        return found.hexdigest()
