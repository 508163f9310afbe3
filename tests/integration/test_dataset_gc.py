"""Old versions go, with their content; what is kept stays whole, and what a model stands on is kept."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.training.pipeline import Workplace
from apps.training.retention import drop_versions, plan_retention
from libs.common.config.configuration import Addresses
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Actor, Role
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import Stage
from libs.common.errors import DataError
from libs.common.stores.records import migrate
from tests.integration.dataset_folders import draft_of, folder_with
from tests.unit.flows.standing import version as model_version

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    addresses = Addresses(
        records=f"sqlite:///{tmp_path}/records.db",
        objects=str(tmp_path / "objects"),
        tracking=f"sqlite:///{tmp_path}/mlflow.db",
        datasets=str(tmp_path / "datasets"),
        dataset_remote=str(tmp_path / "remote"),
    )
    migrate(addresses.records)
    stores = connect(addresses)
    yield stores
    stores.records.close()


def commit(stores: Stores, tmp_path: Path, content: str, name: str = "mail") -> DatasetVersion:
    folder = tmp_path / f"{name}-{content}"
    if not folder.exists():
        folder_with(folder, content.encode() * 1000)
    return stores.datasets.commit(name, folder, draft_of(folder))


def train(stores: Stores, tmp_path: Path, dataset: DatasetVersion, name: str = "email_classifier") -> str:
    """Register a version that was trained on ``dataset``; returns its number."""
    artifact = tmp_path / f"artifact-{name}-{dataset.version}"
    artifact.mkdir()
    (artifact / "model").write_text(dataset.tag)
    draft = model_version()
    trained = draft.training_details.model_copy(update={"dataset_version": dataset.tag, "dataset_digest": dataset.digest})
    draft = draft.model_copy(update={"model_name": name, "training_details": trained, "digest": dataset.digest})
    return stores.registry.register(artifact, draft).version


def contents(folder: Path) -> set[bytes]:
    """The e-mails (a letter, a thousand times) that lie anywhere below."""
    found = (path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.stat().st_size == 1000)
    return {content[:1] for content in found}


def collect(stores: Stores, keep: int) -> list[str]:
    """Drop what ``keep`` leaves over; returns what remains."""
    place = Workplace(stores, Actor(name="infra", role=Role.ENGINEER), NOW)
    drop_versions(place, plan_retention(stores, stores.datasets.names(), keep))
    return [version.tag for name in stores.datasets.names() for version in stores.datasets.list(name)]


def test_old_versions_go_with_what_only_they_held(stores: Stores, tmp_path: Path) -> None:
    for content in ("a", "b", "c"):
        commit(stores, tmp_path, content)
    commit(stores, tmp_path, "a", name="other")  # holds what mail/v1.0.0 holds
    planned = plan_retention(stores, stores.datasets.names(), 1)
    space = stores.datasets.space_without(planned.dropped)
    assert [version.tag for version in planned.dropped] == ["mail/v1.0.0", "mail/v1.1.0"]
    assert (space.cache_bytes, space.remote_bytes) == (1000, 1000)
    assert contents(tmp_path / "remote") == {b"a", b"b", b"c"}

    assert collect(stores, keep=1) == ["mail/v1.2.0", "other/v1.0.0"]
    assert contents(tmp_path / "remote") == contents(tmp_path / "datasets" / ".dvc" / "cache") == {b"a", b"c"}
    assert (stores.datasets.verify("mail"), stores.datasets.verify("other")) == ([], [])
    with pytest.raises(DataError, match=r"there are: mail/v1\.2\.0\n"):
        stores.datasets.get("mail", "1.0.0")
    events = [(event.action, event.subject, event.actor.name) for event in stores.records.audit.events(0)]
    assert events == [("dataset_dropped", f"mail/v1.{number}.0", "infra") for number in (0, 1)]

    again = commit(stores, tmp_path, "b")
    shutil.rmtree(tmp_path / "datasets" / ".dvc" / "cache")
    assert (again.tag, stores.datasets.verify("mail", "1.3.0")) == ("mail/v1.3.0", [])


def test_what_a_model_stands_on_stays_until_the_model_is_archived(stores: Stores, tmp_path: Path) -> None:
    versions = [commit(stores, tmp_path, content) for content in ("a", "b", "c", "d")]
    number = train(stores, tmp_path, versions[0])
    train(stores, tmp_path, versions[2], name="another")
    stores.registry._client.create_registered_model("theirs")  # another team's, in the same MLflow
    stores.registry._client.create_model_version("theirs", "somewhere")
    assert collect(stores, keep=1) == ["mail/v1.0.0", "mail/v1.2.0", "mail/v1.3.0"]
    shutil.rmtree(tmp_path / "datasets" / ".dvc" / "cache")
    assert [stores.datasets.verify("mail", version.version) for version in stores.datasets.list("mail")] == [[], [], []]
    stores.registry.set_stage("email_classifier", number, Stage.ARCHIVED)
    assert collect(stores, keep=1) == ["mail/v1.2.0", "mail/v1.3.0"]
    assert contents(tmp_path / "remote") == {b"c", b"d"}


def test_what_a_killed_run_left_is_freed_by_the_next(stores: Stores, tmp_path: Path) -> None:
    for content in ("a", "b"):
        commit(stores, tmp_path, content)
    (first, _) = stores.datasets.list("mail")
    stores.datasets._workspace.drop([first.tag])  # killed after the tags went
    assert contents(tmp_path / "remote") == {b"a", b"b"}
    assert collect(stores, keep=1) == ["mail/v1.1.0"]
    assert contents(tmp_path / "remote") == contents(tmp_path / "datasets" / ".dvc" / "cache") == {b"b"}


def test_of_a_shared_remote_only_what_was_ours_goes(stores: Stores, tmp_path: Path) -> None:
    foreign = tmp_path / "remote" / "files" / "md5" / "ab" / ("c" * 30)
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x" * 1000)
    for content in ("a", "b"):
        commit(stores, tmp_path, content)
    collect(stores, keep=1)
    assert contents(tmp_path / "remote") == {b"b", b"x"}


def test_the_latest_version_is_never_dropped(stores: Stores, tmp_path: Path) -> None:
    assert collect(stores, keep=1) == []
    version = commit(stores, tmp_path, "a")
    with pytest.raises(DataError, match="latest"):
        stores.datasets.drop([version])
    with pytest.raises(DataError, match="--keep is 0"):
        collect(stores, keep=0)
    assert stores.datasets.verify("mail") == []
