"""A search on a real Ray whose driver and workers are killed: it tries the same, selects the same, and logs each trial once."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from apps.training.fitters import with_found
from apps.training.search.journal import Journal
from apps.training.search.objective import Subject, try_folds
from apps.training.search.search import Search
from apps.training.search.trials import Course, State, Trial
from libs.common.config.training import with_options
from libs.common.domain.search import TunedOptions
from libs.common.errors import ModelError
from tests.integration.children import children_named
from tests.integration.search_driver import TRIALS, question, registry_in, search_in

pytestmark = pytest.mark.filterwarnings("default")

DEADLINE_S = 180


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, ...]:
    """What the search comes to without Ray, one trial after the other."""
    asked = question()
    subject = Subject(asked.train, "tabular", asked.settings, asked.request.seed)
    with Journal(tmp_path_factory.mktemp("undisturbed")) as journal:
        search = Search(asked.plan, journal, lambda trial, state: None)
        while trial := search.next():
            try_folds(subject, trial.options, 0, lambda told, number=trial.number: _note(search, number, told))
        return search.trials


def _note(search: Search, number: int, told: dict[str, Any]) -> None:
    if "failed" in told:
        search.fail(number, told["failed"])
    else:
        search.report(number, told["fold"], told["score"])


@pytest.fixture(scope="module")
def selection(connected: None, home: Path) -> TunedOptions:
    """What comes of it after its driver was killed, and then a worker of the driver that went on."""
    import ray

    lines = home / "searches" / question().key / "trials.jsonl"
    address = ray.get_runtime_context().gcs_address
    driver = subprocess.Popen([sys.executable, "-m", "tests.integration.search_driver", address, str(home)], env=os.environ)
    _await(lambda: _count(lines) > 9, "the first driver tries something")
    assert driver.poll() is None
    driver.kill()
    driver.wait()
    before, killed = _count(lines), list[int]()
    killer = threading.Thread(target=_kill_a_worker, args=(lambda: _count(lines) > before + 4, killed))
    killer.start()
    found = search_in(home)
    killer.join()
    assert killed
    return found


def _count(lines: Path) -> int:
    return lines.read_bytes().count(b"\n") if lines.exists() else 0


def _await(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < until, f"{what}: not within {DEADLINE_S} s"
        time.sleep(0.01)


def _kill_a_worker(underway: Callable[[], bool], killed: list[int]) -> None:
    _await(underway, "the second driver goes on")
    for process in children_named("ImplicitFunc")[:1]:
        process.send_signal(signal.SIGKILL)
        killed.append(process.pid)


def test_killed_it_tries_and_selects_what_it_would_have_undisturbed(
    selection: TunedOptions, undisturbed: tuple[Trial, ...], home: Path
) -> None:
    with Journal(home / "searches" / selection.key) as journal:
        assert journal.trials == undisturbed
    course = question().plan.course
    states = [course.state(trial, undisturbed) for trial in undisturbed]
    best = max((trial for trial, state in zip(undisturbed, states, strict=True) if state is State.COMPLETE), key=Trial.mean)
    assert selection.options == best.options and selection.score.folds == best.scores
    assert selection.stopped == states.count(State.STOPPED) > 0
    assert selection.configured == undisturbed[0].options


def test_every_trial_is_one_child_run_of_the_search(
    selection: TunedOptions, undisturbed: tuple[Trial, ...], home: Path
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("email_classifier")
    assert experiment
    runs = client.search_runs([experiment.experiment_id])
    children = [run for run in runs if "triage.trial" in run.data.tags]
    (parent,) = [run for run in runs if run not in children]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert sorted(int(run.data.tags["triage.trial"]) for run in children) == list(range(TRIALS))
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in children:
        trial = undisturbed[int(run.data.tags["triage.trial"])]
        history = client.get_metric_history(run.info.run_id, "fold_macro_f1")
        assert [metric.value for metric in sorted(history, key=lambda metric: metric.step)] == list(trial.scores)
        assert run.data.params["max_terms"] == str(trial.options["max_terms"])
    assert parent.data.metrics["macro_f1"] == selection.score.mean
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"search.html", "selection.json"}


def test_asked_again_it_is_answered_without_a_trial(selection: TunedOptions, home: Path) -> None:
    started = _count(home / "searches" / selection.key / "trials.jsonl")
    assert search_in(home) == selection
    assert _count(home / "searches" / selection.key / "trials.jsonl") == started


def test_training_takes_the_options_that_were_found_last(selection: TunedOptions, home: Path) -> None:
    settings, registry = question().settings, registry_in(home)
    tuned = with_found(settings, "email_classifier", ["tabular"], registry)
    assert tuned == with_options(settings, "tabular", selection.options)
    with pytest.raises(ModelError, match="no search for options of 'boosted' has ended"):
        with_found(settings, "email_classifier", ["tabular", "boosted"], registry)


def test_one_trial_at_a_time_the_rule_is_that_of_rays_scheduler() -> None:
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler

    one_by_one, chance = Course(folds=5, generation=1, reduction=2), np.random.default_rng(0)
    scheduler: Any = ASHAScheduler("fold", "score", "max", max_t=5, grace_period=1, reduction_factor=2)
    trials: list[Trial] = []
    for number in range(30):
        name, scores, decision = SimpleNamespace(trial_id=str(number)), (), TrialScheduler.CONTINUE
        scheduler.on_trial_add(None, name)
        while decision == TrialScheduler.CONTINUE:
            scores = (*scores, float(chance.random()))
            tried = Trial(number, {}, scores)
            decision = scheduler.on_trial_result(None, name, {"fold": len(scores), "score": tried.mean()})
            state = one_by_one.state(tried, [*trials, tried])
            assert (state is State.OPEN) == (decision == TrialScheduler.CONTINUE), (number, len(scores))
        trials.append(Trial(number, {}, scores))
    assert {len(trial.scores) for trial in trials} == {1, 2, 4, 5}
