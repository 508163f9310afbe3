"""Runs Ray jobs, by the address of a cluster's dashboard."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.errors import StoreError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


def submit_job(
    dashboard_url: str, entrypoint: str, working_dir: Path, env: Mapping[str, str] | None = None, patience_s: float = 60
) -> str:
    """Run ``entrypoint`` as a Ray job in a copy of ``working_dir``; returns its id.

    A cluster that has just come up has no job agent for some seconds, hence ``patience_s``.
    """
    jobs = _jobs(dashboard_url)
    runtime_env = {"working_dir": str(working_dir), "env_vars": dict(env or {})}
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return jobs.submit_job(entrypoint=entrypoint, runtime_env=runtime_env)
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() >= deadline:
                raise StoreError(f"Ray at {dashboard_url} did not take the job: {error}", "see `triage status`") from error
            time.sleep(1)


def wait_job(dashboard_url: str, job_id: str, timeout_s: float = 600) -> str:
    """Wait until a Ray job has succeeded and return its log; StoreError with the log's end where it failed or takes long."""
    jobs = _jobs(dashboard_url)
    deadline = time.monotonic() + timeout_s
    while not (status := jobs.get_job_status(job_id)).is_terminal():
        if time.monotonic() >= deadline:
            raise StoreError(
                f"job {job_id} is {status} after {timeout_s:g} s", f"ray job logs {job_id} --address {dashboard_url}"
            )
        time.sleep(0.5)
    log = jobs.get_job_logs(job_id)
    if status != "SUCCEEDED":
        raise StoreError(f"job {job_id} ended {status}:\n{log[-2000:]}", f"ray job logs {job_id} --address {dashboard_url}")
    return log


def _jobs(dashboard_url: str) -> "JobSubmissionClient":
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(dashboard_url)
    except (ConnectionError, RuntimeError) as error:
        raise StoreError(f"Ray at {dashboard_url} does not answer ({error})", "is Ray up? run `triage up`") from error
