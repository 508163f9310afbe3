"""Serving flows: what happens around the runner."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prefect import flow

from flows.deployments import deployments
from flows.processes import end_children
from flows.serve import Deployment, _reconcile_forever


@flow(name="greet")
def greet() -> None:
    """Do nothing."""


def test_a_deployment_bears_the_name_of_its_flow() -> None:
    assert Deployment(greet, interval=timedelta(hours=1)).name == "greet"


def test_every_flow_of_the_lifecycle_is_served_once_under_its_own_name() -> None:
    served = [deployment.name for deployment in deployments()]
    assert len(served) == len(set(served))
    assert {"build_dataset", "train_model", "promote_model", "release_model", "retrain_model"} <= set(served)


def test_reconciling_outlives_faults_and_counts_them(caplog: pytest.LogCaptureFixture) -> None:
    stop = threading.Event()
    rounds: list[int] = []

    def reconcile() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 4:
            stop.set()
        if len(rounds) != 3:
            raise OSError("the store is away")

    _reconcile_forever(reconcile, 0.001, stop)
    counted = [record.getMessage() for record in caplog.records]
    assert counted == [f"reconciling failed, {failures} in a row" for failures in (1, 2, 1)]


def _sleep(ready: "multiprocessing.synchronize.Event", deaf: bool) -> None:
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.set()
    time.sleep(600)


@pytest.fixture(params=[False, True], ids=["obeys", "is deaf to SIGTERM"])
def child(request: pytest.FixtureRequest) -> Iterator[multiprocessing.process.BaseProcess]:
    """A child process, as the runner starts them."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_sleep, args=(ready, request.param))
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()
    process.join()
    process.close()


def test_children_are_ended_softly_or_else_hard(child: multiprocessing.process.BaseProcess) -> None:
    end_children(grace_s=1)
    child.join(10)
    assert child.exitcode in (-signal.SIGTERM, -signal.SIGKILL)
    assert os.getpid() != child.pid
