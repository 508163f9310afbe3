"""A small search, and a driver of it that can be killed: ``python -m tests.integration.search_driver RAY_ADDRESS HOME``."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from apps.training.fitting.examples import Examples
from apps.training.search.question import Question, TuneRequest
from apps.training.search.tune import search_options
from libs.common.config.loader import load_config
from libs.common.config.spaces import Candidates
from libs.common.config.training import Training, with_options
from libs.common.domain.search import TunedOptions
from libs.common.stores.objects import open_objects
from libs.common.stores.registry import ModelRegistry
from tests.unit.apps.training.mails import mailbox
from tests.unit.apps.training.search.test_question import DATASET

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRIALS = 12
# So few terms that their number matters.
SPACE = {
    "max_terms": Candidates(low=2, high=40, log=True),
    "inverse_regularization": Candidates(low=0.1, high=100, log=True),
    "metadata_weight": Candidates(low=0, high=0.3),
}


def question() -> Question:
    return Question(TuneRequest(seed=3), _settings(), DATASET, _doubtful_mailbox())


def _settings() -> Training:
    training = with_options(load_config("local").training, "tabular", {"max_terms": 8, "edge_weight": 0.0, "gram_weight": 0.0})
    family = training.search.families["tabular"].model_copy(update={"trials": TRIALS, "space": SPACE})
    search = training.search.model_copy(update={"families": {"tabular": family}})
    return training.model_copy(update={"search": search})


def _doubtful_mailbox() -> Examples:
    """Every seventh mail has the label of the one before: else all options do equally well."""
    rows = mailbox(90, seed=5)
    labels = tuple(rows.labels[row - (row % 7 == 6)] for row in range(len(rows)))
    return replace(rows, labels=labels)


def registry_in(home: Path) -> ModelRegistry:
    return ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", open_objects(str(home / "objects")))


def search_in(home: Path) -> TunedOptions:
    return search_options(question(), registry_in(home), home / "searches", NOW)


if __name__ == "__main__":
    import ray

    ray.init(address=sys.argv[1], log_to_driver=False)
    search_in(Path(sys.argv[2]))
