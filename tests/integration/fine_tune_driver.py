"""A driver of fine-tuning that can be killed: ``python -m tests.integration.fine_tune_driver ADDRESS ENCODER WORKSPACE RUNS``.

It loads no torch, as the product's drivers.
"""

import sys
from pathlib import Path
from typing import Any

from apps.training.fitting.fit_transformer import fit_transformer
from apps.training.fitting.run_folders import open_runs
from libs.common.features.text_network import TextNetwork
from tests.integration.tiny_encoder import tiny_options
from tests.unit.apps.training.mails import mailbox

SEED = 1
LONG: dict[str, Any] = {"epochs": 5, "learning_rate": 1e-3}


def fit(encoder: Path, workspace: Path, trainings: Path, **changed: Any) -> TextNetwork:
    """The network that Ray Train ends with."""
    with open_runs(trainings) as runs:
        options = tiny_options(encoder, **{**LONG, **changed})
        return fit_transformer(mailbox(120), options, SEED, workspace, threads=1, runs=runs).classifier.network


if __name__ == "__main__":
    import ray

    ray.init(address=sys.argv[1], log_to_driver=False)
    fit(*map(Path, sys.argv[2:]))
