"""The classifiers that benchmarks measure: fitted as the product does it, and kept as its artifacts."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from apps.training.datasets.build import BuildRequest, drafted
from apps.training.fitting.examples import Examples, read_examples
from apps.training.fitting.out_of_fold import Fitted
from apps.training.provenance import Stamp, code_commit
from bench.recording import REPO
from libs.common.config.loader import load_config
from libs.common.config.training import Families
from libs.common.domain.dataset import Split
from libs.common.models.artifact import write_artifact
from libs.common.models.transformer import TransformerClassifier

ARMS = ("tabular", "fp32", "int8", "cascade")
HOLDOUT = 5
"""The number of the fold that a build keeps untouched."""


def built_examples(source: str, recipe: str | None) -> Examples:
    """The rows of a build of ``source``, the holdout's as a sixth fold."""
    request = BuildRequest(name="bench", sources=(source,), recipe=recipe)
    with drafted(request, Stamp(datetime.now(UTC), code_commit(), ""), None) as (folder, _):
        train, holdout = (read_examples(folder, split) for split in (Split.TRAIN, Split.HOLDOUT))
    emails, labels, origins = (getattr(train, name) + getattr(holdout, name) for name in ("emails", "labels", "origins"))
    return Examples(emails, labels, train.folds + (HOLDOUT,) * len(holdout), origins)


def fit_arms(taught: Examples, folder: Path) -> None:
    """Fit every arm as the product does, and keep each as an artifact below ``folder``, whole or not at all; needs Ray."""
    from apps.training.fitting.fit_cascade import join
    from apps.training.fitting.fit_tabular import fit_tabular
    from apps.training.fitting.fit_transformer import fit_transformer

    families = load_config("local", REPO).training.families
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        light = fit_tabular(taught, families.tabular, seed=0)
        heavy = fit_transformer(taught, families.transformer, 0, Path(scratch))
        full, small = _precisions(heavy, Path(scratch), families)
        cascade = join(light, heavy, families.cascade)
        print(f"{folder}: {cascade.classifier.escalation}", file=sys.stderr, flush=True)
        draft = Path(f"{folder}.unfinished")
        for arm, one in zip(ARMS, (light.classifier, full, small, cascade.classifier), strict=True):
            write_artifact(draft / arm, one, {})
        draft.rename(folder)


def _precisions(
    heavy: Fitted[TransformerClassifier], workspace: Path, families: Families
) -> tuple[TransformerClassifier, TransformerClassifier]:
    """The same network in fp32 and in int8, accepted or not."""
    assert families.transformer.compression.int8 and heavy.int8 and isinstance(heavy.int8.full, TransformerClassifier)
    full = heavy.int8.full
    return full, replace(full, network=replace(full.network, files=workspace / "int8", precision="int8"))
