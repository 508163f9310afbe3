"""Fits the hybrid family: embeddings on Ray Data actors, then one logistic regression over them and the tabular features.

Ray must be connected already, by whichever front door runs this.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from apps.training.fitting.embed import embed_texts
from apps.training.fitting.encoders import export_embedder, find_encoder
from apps.training.fitting.examples import Examples
from apps.training.fitting.fit_tabular import Rows, fit_linear, read_emails
from apps.training.fitting.out_of_fold import Fitted, fit_twice
from libs.common.config.training import Families
from libs.common.models.hybrid import HybridClassifier


def fit_hybrid(
    examples: Examples, families: Families, seed: int, workspace: Path, threads: int = 2
) -> Fitted[HybridClassifier]:
    """Fit on all rows, with the temperature found on a fold that a first fit had not seen.

    The encoder's files stay in ``workspace``, which must outlive the classifier.
    """
    options, weight = families.hybrid, np.float32(families.hybrid.embedding_weight)
    cleaned, facts = read_emails(examples)
    encoder = export_embedder(find_encoder(options.encoder), workspace / "onnx", options.max_tokens)
    dense = embed_texts([each.whole for each in cleaned], encoder, options.actors) * weight

    def fit(rows: Rows) -> HybridClassifier:
        read = [cleaned[row] for row in rows]
        tabular, coefficients = fit_linear(examples.take(rows), read, facts[rows], families.tabular, seed, dense[rows])
        return HybridClassifier(tabular, replace(encoder, threads=threads), coefficients * weight)

    return fit_twice(fit, examples, seed)
