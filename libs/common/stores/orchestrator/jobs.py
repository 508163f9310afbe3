"""Runs Ray jobs, by the address of a cluster's dashboard."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.domain.batch import Work
from libs.common.errors import StoreError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient


def submit_job(
    dashboard_url: str,
    entrypoint: str,
    working_dir: Path,
    env: Mapping[str, str] | None = None,
    patience_s: float = 60,
    job_id: str | None = None,
) -> str:
    """Run ``entrypoint`` as a Ray job in a copy of ``working_dir``; returns its id, which is ``job_id`` where one is named.

    A cluster that has just come up has no job agent for some seconds, hence ``patience_s``.
    """
    jobs = _jobs(dashboard_url)
    runtime_env = {"working_dir": str(working_dir), "env_vars": dict(env or {})}
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return jobs.submit_job(entrypoint=entrypoint, runtime_env=runtime_env, submission_id=job_id)
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() >= deadline:
                raise StoreError(f"Ray at {dashboard_url} did not take the job: {error}", "see `triage status`") from error
            time.sleep(1)


def start_job(address: str, job_id: str, entrypoint: str, working_dir: Path, env: Mapping[str, str]) -> None:
    """Run ``entrypoint`` as the job ``job_id``, unless there is one of that id, whatever became of it."""
    if job_work(address, job_id) is not Work.UNKNOWN:
        return
    try:
        submit_job(address, entrypoint, working_dir, env, job_id=job_id)
    except StoreError:
        # Somebody else may have been faster.
        if job_work(address, job_id) is Work.UNKNOWN:
            raise


def job_work(address: str, job_id: str) -> Work:
    """What the cluster knows of a job; StoreError where it does not answer."""
    jobs = _jobs(address)
    try:
        return Work.ENDED if jobs.get_job_status(job_id).is_terminal() else Work.ALIVE
    except RuntimeError as error:
        if "does not exist" in str(error):
            return Work.UNKNOWN
        raise StoreError(f"Ray at {address} does not tell of job {job_id}: {error}", "see `triage status`") from error


def stop_job(address: str, job_id: str) -> None:
    """Have a job ended, with all that it has started; nothing happens where it has ended, or there is none."""
    if job_work(address, job_id) is Work.ALIVE:
        _jobs(address).stop_job(job_id)


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
