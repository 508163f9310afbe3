"""A small search, and a driver of it that can be killed: ``python -m tests.integration.search_driver RAY_ADDRESS HOME``."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from apps.training.search.question import Question, TuneRequest
from apps.training.search.tune import search_options
from libs.common.config.loader import load_config
from libs.common.domain.search import TunedOptions
from libs.common.stores.objects import open_objects
from libs.common.stores.registry import ModelRegistry
from tests.unit.apps.training.mails import mailbox
from tests.unit.apps.training.search.test_question import DATASET

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRIALS = 16


def question(trials: int = TRIALS) -> Question:
    return Question(TuneRequest(trials=trials, seed=3), load_config("local").training, DATASET, mailbox(45, seed=5))


def registry_in(home: Path) -> ModelRegistry:
    return ModelRegistry(f"sqlite:///{home}/mlflow/mlflow.db", open_objects(str(home / "objects")))


def search_in(home: Path) -> TunedOptions:
    return search_options(question(), registry_in(home), home / "searches", NOW)


if __name__ == "__main__":
    import ray

    ray.init(address=sys.argv[1], log_to_driver=False)
    search_in(Path(sys.argv[2]))
