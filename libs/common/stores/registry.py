"""Registered model versions: MLflow keeps runs, numbers and aliases; the object store keeps the files, once.

Below ``models/<name>/<digest>/`` lie ``artifact/`` (what `ModelVersion.uri` names) and an MLmodel file that points to it, so
that ``mlflow.pyfunc.load_model("models:/<name>@champion")`` reads the same bytes that serving reads.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.triage import Email
from libs.common.errors import ModelNotFound, StoreError
from libs.common.stores.objects import Objects
from libs.common.stores.search_runs import SearchRuns

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

UNREGISTERED = "unregistered"
LOADER = "libs.common.models.pyfunc"

_SCHEMA = "triage.model_version"
_STAGE = "triage.stage"
_REQUEST = "triage.request_id"
_LATEST = "latest"


Sign = Callable[[Path], Path | None]
"""Signs the files of a folder, and says where in it the signature lies; None where there is no key to sign with."""


def _unsigned(folder: Path) -> None: ...


class ModelRegistry:
    """The versions of every model, found at one tracking address."""

    def __init__(self, tracking_uri: str, objects: Objects, sign: Sign = _unsigned) -> None:
        self._tracking_uri = tracking_uri
        self._objects = objects
        self._sign = sign

    def register(
        self,
        folder: Path,
        draft: ModelVersion,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        request_id: str = "",
    ) -> ModelVersion:
        """Sign the artifact in ``folder``, store and register it: afterwards there is a whole new version, or none.

        ``draft`` lacks version and uri; ``request_id`` makes it findable for a run that starts again.
        """
        run = self._start_run(draft, params or {}, metrics or {})
        place = _place(draft)
        try:
            self._sign(folder)
            uri = self._objects.put_folder(f"{place}/artifact", folder)
            self._objects.put_bytes(f"{place}/MLmodel", _mlmodel(draft, run.info.run_id))
            version = draft.model_copy(update={"uri": uri, "version": UNREGISTERED})
            tags = {_SCHEMA: version.model_dump_json(), _STAGE: str(draft.stage), _REQUEST: request_id} | _summary(version)
            self._ensure_model(draft.model_name)
            created = self._client.create_model_version(
                draft.model_name, uri.removesuffix("/artifact"), run.info.run_id, tags=tags, await_creation_for=0
            )
        except BaseException:
            self._client.set_terminated(run.info.run_id, "FAILED")
            raise
        self._client.set_terminated(run.info.run_id)
        return _read(created)

    def sign(self, folder: Path, version: ModelVersion) -> None:
        """Sign ``folder``, a copy of the registered artifact, and put the signature in place of the version's own."""
        if signature := self._sign(folder):
            self._objects.put_file(f"{_place(version)}/artifact/{signature.name}", signature)

    def get(self, name: str, version: str = _LATEST) -> ModelVersion:
        """One version by its number, ``@alias`` or ``latest``; ModelNotFound says which there are."""
        known = self.list(name)
        wanted = self._number_of(name, version[1:]) if version.startswith("@") else version
        if version == _LATEST and known:
            return known[0]
        for found in known:
            if found.version == wanted:
                return found
        there = f"there are {', '.join(found.version for found in known)}" if known else "no version is registered yet"
        raise ModelNotFound(f"model {name} has no version '{version}'", f"{there}; 'triage train' makes one")

    def champion(self, name: str) -> ModelVersion | None:
        """The version that is in production; None before the first."""
        number = self.aliases(name).get("champion")
        return self.get(name, number) if number else None

    def list(self, name: str) -> "list[ModelVersion]":
        """All versions, newest first; empty where the model is unknown."""
        found = self._client.search_model_versions(f"name='{name}'")
        return sorted((_read(version) for version in found), key=lambda version: int(version.version), reverse=True)

    def of_request(self, name: str, request_id: str) -> "list[ModelVersion]":
        """What an earlier attempt at the same request registered already."""
        found = self._client.search_model_versions(f"name='{name}'")
        return [_read(version) for version in found if request_id and version.tags.get(_REQUEST) == request_id]

    def trained_on(self) -> "dict[str, list[str]]":
        """Which model versions stand on each dataset version, by its tag; archived ones don't, nor what others registered."""
        standing: dict[str, list[str]] = {}
        for found in self._every():
            version = _read(found)
            if version.stage is not Stage.ARCHIVED:
                standing.setdefault(version.training_details.dataset_version, []).append(str(version.ref))
        return standing

    def aliases(self, name: str) -> dict[str, str]:
        """The version number behind each alias."""
        from mlflow.exceptions import MlflowException

        try:
            return {alias: str(number) for alias, number in self._client.get_registered_model(name).aliases.items()}
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise StoreError(f"{self._tracking_uri}: {error}", "check the tracking server") from error

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point ``champion``, ``challenger`` or another alias to a version."""
        self._client.set_registered_model_alias(name, alias, self.get(name, version).version)

    def set_stage(self, name: str, version: str, stage: Stage) -> ModelVersion:
        """Note how far a version has come; returns it as it is now."""
        found = self.get(name, version)
        self._client.set_model_version_tag(name, found.version, _STAGE, str(stage))
        return found.model_copy(update={"stage": stage})

    def predict(self, version: ModelVersion, emails: Sequence[Email]) -> "list[str]":
        """The labels, or lines, that ``mlflow.pyfunc`` gives: loaded from this registry the way any other team loads it."""
        import mlflow
        import pandas as pd

        mlflow.set_tracking_uri(self._tracking_uri)
        model = mlflow.pyfunc.load_model(f"models:/{version.model_name}/{version.version}")
        columns = model.metadata.signature.inputs.input_names()
        table = pd.DataFrame([[getattr(email, name) for name in columns] for email in emails], columns=columns)
        return [str(said) for said in model.predict(table)["summary" if version.summarizes else "label"]]

    @cached_property
    def search_runs(self) -> SearchRuns:
        """The searches for options that were logged beside the versions."""
        return SearchRuns(self._client, self._experiment)

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient

        # A bar for a few kilobytes, in the middle of what a command says.
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        # Nor is it news, in the first command of an installation, that MLflow makes its tables.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        if self._tracking_uri.startswith("sqlite:///"):
            Path(self._tracking_uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        return MlflowClient(tracking_uri=self._tracking_uri, registry_uri=self._tracking_uri)

    def _every(self) -> "Iterator[MlflowVersion]":
        page = ""
        while True:
            found = self._client.search_model_versions(page_token=page or None)
            yield from (version for version in found if _SCHEMA in version.tags)
            page = found.token
            if not page:
                return

    def _number_of(self, name: str, alias: str) -> str:
        return self.aliases(name).get(alias, "")

    def _start_run(self, draft: ModelVersion, params: Mapping[str, Any], metrics: Mapping[str, float]) -> "Run":
        from mlflow.entities import Metric, Param, RunTag

        experiment = self._experiment(draft.model_name)
        trained = draft.training_details
        at = int(trained.training_date.timestamp() * 1000)
        run = self._client.create_run(experiment, start_time=at, run_name=f"{draft.family}-{trained.dataset_version}")
        self._client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, at, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
            tags=[RunTag("family", draft.family), RunTag("dataset_digest", trained.dataset_digest)],
        )
        return run

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return found.experiment_id if found else self._client.create_experiment(name, f"{self._objects.uri}/mlflow/{name}")

    def _ensure_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _place(version: ModelVersion) -> str:
    return f"models/{version.model_name}/{version.digest}"


def _mlmodel(version: ModelVersion, run_id: str) -> bytes:
    """An MLmodel whose pyfunc reads ``artifact/`` and checks that its digest is the registered one."""
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    text, flag = DataType.string, DataType.boolean
    inputs = Schema(
        [
            ColSpec(text, "subject"),
            ColSpec(text, "body"),
            ColSpec(text, "sender", required=False),
            ColSpec(flag, "is_html", required=False),
        ]
    )
    label = Schema([ColSpec(text, "label"), ColSpec(DataType.double, "confidence")])
    outputs = label if version.labels else Schema([ColSpec(text, "summary")])
    model = Model(
        run_id=run_id,
        utc_time_created=version.training_details.training_date.replace(tzinfo=None),
        signature=ModelSignature(inputs, outputs),
        metadata={"family": version.family, "dataset": version.training_details.dataset_version},
    )
    mlflow.pyfunc.add_to_model(model, loader_module=LOADER, data="artifact", model_config={"digest": version.digest})
    return model.to_yaml().encode()


def _summary(version: ModelVersion) -> dict[str, str]:
    """What a person wants to see in MLflow's own tables; the whole schema is in one tag as JSON."""
    return {
        "family": version.family,
        "framework": version.framework,
        "digest": version.digest,
        "dataset_version": version.training_details.dataset_version,
        **{name: f"{value:.4f}" for name, value in version.performance_metrics.headline.items()},
    }


def _read(found: "MlflowVersion") -> ModelVersion:
    document = found.tags.get(_SCHEMA)
    if document is None:
        raise StoreError(
            f"MLflow's {found.name} version {found.version} has no tag {_SCHEMA}",
            "it was not registered by triage; delete it in MLflow, or register under another model name",
        )
    stage = Stage(found.tags.get(_STAGE, Stage.NONE))
    return ModelVersion.model_validate_json(document).model_copy(update={"version": str(found.version), "stage": stage})
