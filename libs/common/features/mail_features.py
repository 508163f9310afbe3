"""The dense features of an e-mail: its embedding, the truncated SVD of its TF-IDF, and metadata, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from libs.common.domain.triage import Email
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import METADATA, metadata, terms
from libs.common.features.text_network import TextNetwork
from libs.common.features.tfidf import counted, project, read_vocabulary, write_vocabulary

ARRAYS = "features.safetensors"

Array = NDArray[np.float32]


@dataclass(frozen=True)
class MailFeatures:
    """For v terms, r components and d dimensions: ``idf`` (v,) · ``components`` (v, r) · ``encoder`` gives (n, d)."""

    encoder: TextNetwork
    vocabulary: Mapping[str, int]
    idf: Array
    components: Array

    def of(self, emails: Sequence[Email]) -> Array:
        """(n, d + r + m) features, for the m of `METADATA`."""
        cleaned = [clean(email) for email in emails]
        return self.beside(self.encoder.answer([each.whole for each in cleaned]), emails, cleaned)

    def beside(self, embeddings: Array, emails: Sequence[Email], cleaned: Sequence[CleanEmail]) -> Array:
        """The features of e-mails whose ``embeddings`` (n, d) are known already."""
        width, rank = embeddings.shape[1], self.components.shape[1]
        rows = np.empty((len(emails), width + rank + len(METADATA)), dtype=np.float32)
        rows[:, :width] = embeddings
        for row, email, each in zip(rows, emails, cleaned, strict=True):
            row[width : width + rank] = project(*counted(terms(each), self.vocabulary), self.idf, self.components)
            row[width + rank :] = metadata(email, each)
        return rows

    def save(self, folder: Path) -> None:
        """Write the arrays, the vocabulary, the encoder and its tokenizer."""
        from safetensors.numpy import save_file

        save_file({"idf": self.idf, "components": self.components}, folder / ARRAYS)
        write_vocabulary(self.vocabulary, folder)
        self.encoder.save(folder)


def read_features(folder: Path, max_tokens: int, threads: int) -> MailFeatures:
    """What ``save`` wrote, the encoder with ``threads`` threads."""
    from safetensors.numpy import load_file

    return MailFeatures(TextNetwork(folder, max_tokens, threads), read_vocabulary(folder), **load_file(folder / ARRAYS))
