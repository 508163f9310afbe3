"""Fits the boosted family: embeddings on Ray Data actors, SVD by scikit-learn, trees with Ray Train's XGBoost trainer.

Ray must be connected already, by whichever front door runs this.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from apps.training.fitting.boost_worker import Rows, TreeLesson, boost
from apps.training.fitting.embed import embed_texts
from apps.training.fitting.encoders import export_embedder, find_encoder
from apps.training.fitting.examples import Examples, set_aside
from apps.training.fitting.fit_tfidf import fit_components, fit_tfidf
from apps.training.fitting.out_of_fold import Fitted, OutOfFold
from apps.training.fitting.ray_train import run_config, scaling, train
from libs.common.config.training import BoostedFamily
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import terms
from libs.common.features.mail_features import MailFeatures
from libs.common.features.text_network import TextNetwork
from libs.common.models.boosted import TREES, BoostedClassifier


def fit_boosted(
    examples: Examples, options: BoostedFamily, seed: int, workspace: Path, threads: int = 2
) -> Fitted[BoostedClassifier]:
    """Fit on all folds but the one aside, which sets the temperature; the next one says how many trees are grown.

    The encoder's files stay in ``workspace``, which must outlive the classifier.
    """
    cleaned = [clean(email) for email in examples.emails]
    encoder = export_embedder(find_encoder(options.encoder), workspace / "onnx", options.max_tokens)
    embeddings = embed_texts([each.whole for each in cleaned], encoder, options.actors)
    learn, judge = set_aside(examples, seed)
    features = _fit_features([cleaned[row] for row in learn], replace(encoder, threads=threads), options, seed)
    matrix = features.beside(embeddings, examples.emails, cleaned)
    labels = examples.classes
    truth = examples.numbers(labels)
    folds = np.asarray(examples.folds)[learn]
    lesson = TreeLesson(Rows(matrix[learn], truth[learn]), folds == folds.min(), len(labels), options, seed)
    fitted = BoostedClassifier(labels, features, _train(lesson, workspace))
    aside = OutOfFold(judge, truth[judge], fitted.logits(matrix[judge]))
    return Fitted(replace(fitted, temperature=aside.temperature), aside)


def _fit_features(cleaned: list[CleanEmail], encoder: TextNetwork, options: BoostedFamily, seed: int) -> MailFeatures:
    vocabulary, idf, tfidf = fit_tfidf(cleaned, terms, options.max_terms, options.min_documents)
    return MailFeatures(encoder, vocabulary, idf, fit_components(tfidf, options.components, seed))


def _train(lesson: TreeLesson, workspace: Path) -> bytes:
    from apps.training.fitting.lean_trainer import LeanTrainer, by_xgboost

    booked = scaling(lesson.options.workers, use_gpu=False)
    trainer = LeanTrainer(partial(boost, lesson), by_xgboost, booked, run_config(workspace))
    return (train(trainer, "growing trees", workspace) / TREES).read_bytes()
