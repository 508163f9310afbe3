"""What a version was made with: the commit of this code, the digest of its configuration, the data, and what it cost."""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import datetime

from libs.common.config.configuration import Config
from libs.common.config.home import REPO
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import TrainingDetails


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was made, by which code and with which configuration (`config_digest`)."""

    at: datetime
    code_commit: str
    config_digest: str


def code_commit() -> str:
    """The commit of this checkout, with ``+changes`` where files differ; ``TRIAGE_CODE_COMMIT`` in a copy without git."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return os.environ.get("TRIAGE_CODE_COMMIT") or "unknown"
    return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def config_digest(config: Config) -> str:
    """SHA-256 over the merged configuration, secrets left out."""
    return hashlib.sha256(json.dumps(config.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


def training_details(dataset: DatasetVersion, usd_per_hour: float, seconds: float, seed: int, now: datetime) -> TrainingDetails:
    """What a model was trained on, and what so many seconds cost at ``usd_per_hour``, that of all its instances."""
    hours = seconds / 3600
    return TrainingDetails(
        dataset_version=dataset.tag,
        dataset_digest=dataset.digest,
        training_duration_hours=hours,
        compute_cost_usd=hours * usd_per_hour,
        training_date=now,
        seed=seed,
    )


def _git(*arguments: str) -> str:
    result = subprocess.run(["git", "-C", str(REPO), *arguments], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""
