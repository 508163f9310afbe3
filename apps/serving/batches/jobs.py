"""Batches as Ray jobs: each in a copy of this code, apart from the replicas."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from libs.common.domain.batch import Batch, Work
from libs.common.stores.orchestrator.jobs import job_work, start_job, stop_job


@dataclass(frozen=True, slots=True)
class RayJobs:
    """The jobs of one cluster: ``address`` takes them, ``cluster`` is its GCS; ``variables`` say to which home they belong."""

    address: str
    cluster: str
    code: Path
    variables: dict[str, str]

    def start(self, batch: Batch) -> None:
        """Run the latest attempt of a batch; one that was started already is left alone."""
        # Where a machine has several clusters, Ray has a job join any of them.
        words = f"RAY_ADDRESS={self.cluster} {shlex.quote(sys.executable)} -m apps.serving.batches {batch.id} {batch.attempt}"
        start_job(self.address, batch.job, words, self.code, self.variables)

    def work(self, batch: Batch) -> Work:
        """What is known of its latest job."""
        return job_work(self.address, batch.job)

    def stop(self, batch: Batch) -> None:
        """End its latest job; nothing happens where it has ended."""
        stop_job(self.address, batch.job)
