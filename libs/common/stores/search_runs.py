"""Searches for a family's options in MLflow: a parent run with what was found, and a child run for each trial."""

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.domain.search import Options, TunedOptions

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_SEARCH = "triage.search"
_FAMILY = "triage.search_family"
_TRIAL = "triage.trial"
_PARENT = "mlflow.parentRunId"
_SELECTION = "selection.json"
_OBJECTIVE = "macro_f1"


class SearchRun:
    """The parent run of one search; what was logged before it was killed is found again, and not logged twice."""

    def __init__(self, client: "MlflowClient", run: "Run") -> None:
        self._client, self._run = client, run
        experiment, own = run.info.experiment_id, run.info.run_id
        children = _runs(client, experiment, f"tags.`{_PARENT}` = '{own}'")
        self._logged = {int(child.data.tags[_TRIAL]): child for child in children if _TRIAL in child.data.tags}

    def log_trial(self, number: int, options: Options, scores: tuple[float, ...], state: str) -> None:
        """A child run with the options, the mean after each fold, and the score of each fold; nothing where it is whole."""
        from mlflow.entities import Metric, Param, RunTag

        child = self._logged.get(number) or self._begin(number)
        if child.info.status == "FINISHED":
            return
        # A trial that was half logged is logged again under the same time: MLflow then keeps one of equals.
        begun_ms = int(child.info.start_time)
        means = [sum(scores[: fold + 1]) / (fold + 1) for fold in range(len(scores))]
        figures = {_OBJECTIVE: means, "fold_macro_f1": scores}
        self._client.log_batch(
            child.info.run_id,
            metrics=[
                Metric(name, value, begun_ms, fold + 1) for name, values in figures.items() for fold, value in enumerate(values)
            ],
            params=[Param(name, str(value)) for name, value in options.items()],
            tags=[RunTag("state", state)],
        )
        self._client.set_terminated(child.info.run_id)
        self._logged[number] = self._client.get_run(child.info.run_id)

    def close(self, selection: TunedOptions, pages: Mapping[str, str]) -> None:
        """Log what was found, and ``pages`` by their file names; from then on the selection is the family's newest."""
        from mlflow.entities import Metric, Param

        run_id = self._run.info.run_id
        for name, text in {**pages, _SELECTION: selection.model_dump_json(indent=2)}.items():
            self._client.log_text(run_id, text, name)
        figures = {_OBJECTIVE: selection.score.mean, f"configured_{_OBJECTIVE}": selection.base.mean}
        params = {"family": selection.family, "seed": selection.seed, "dataset": selection.dataset}
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, int(self._run.info.start_time), selection.trials) for name, value in figures.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        self._client.set_terminated(run_id)

    def _begin(self, number: int) -> "Run":
        tags = {_PARENT: self._run.info.run_id, _TRIAL: str(number)}
        return self._client.create_run(self._run.info.experiment_id, tags=tags, run_name=f"trial-{number:03d}")


class SearchRuns:
    """The searches of every model, in the experiment that its versions are logged in."""

    def __init__(self, client: "MlflowClient", experiment: Callable[[str], str]) -> None:
        self._client, self._experiment = client, experiment

    def open(self, model: str, family: str, key: str, at: datetime) -> SearchRun:
        """The run of the search that ``key`` names, begun where there is none."""
        experiment = self._experiment(model)
        found = _runs(self._client, experiment, f"tags.`{_SEARCH}` = '{key}'")
        run = (
            found[0]
            if found
            else self._client.create_run(
                experiment,
                start_time=int(at.timestamp() * 1000),
                tags={_SEARCH: key, _FAMILY: family},
                run_name=f"search-{family}-{key[:8]}",
            )
        )
        return SearchRun(self._client, run)

    def newest(self, model: str, family: str) -> TunedOptions | None:
        """What the search that ended last found for a family; None before the first."""
        asked = f"tags.`{_FAMILY}` = '{family}' and attributes.status = 'FINISHED'"
        found = _runs(self._client, self._experiment(model), asked)
        return self._selection(found[0]) if found else None

    def _selection(self, run: "Run") -> TunedOptions:
        with tempfile.TemporaryDirectory(prefix="triage-selection-") as scratch:
            path = self._client.download_artifacts(run.info.run_id, _SELECTION, scratch)
            return TunedOptions.model_validate_json(Path(path).read_text("utf-8"))


def _runs(client: "MlflowClient", experiment: str, asked: str) -> "list[Run]":
    """All runs that fit, the one that ended last first."""
    found: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment], asked, order_by=["attributes.end_time DESC"], page_token=token)
        found += page
        token = page.token
        if not token:
            return found
