"""`triage model verify` and `sign` on an artifact in a folder, without a registry."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from apps.console.commands import models
from libs.common.config.configuration import SigningKeys
from libs.common.errors import ModelCorrupt, ModelUntrusted
from libs.common.models.artifact import write_artifact
from libs.common.models.signing import sign_artifact, trusted_key
from tests.unit.apps.training.evaluation.test_checks import Scripted, right


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys(tmp_path / "keys")


@pytest.fixture
def registered(tmp_path: Path) -> SimpleNamespace:
    digest = write_artifact(tmp_path / "model", Scripted(right), {})
    return SimpleNamespace(uri=str(tmp_path / "model"), ref="mail/3", digest=digest)


@pytest.fixture
def session(registered: SimpleNamespace, keys: SigningKeys, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A session whose registry signs into the version's own folder."""

    def sign(folder: Path, version: Any) -> None:
        (Path(version.uri) / "model.sig").write_bytes(sign_artifact(folder, keys).read_bytes())

    noted: list[tuple[Any, ...]] = []
    stores = SimpleNamespace(
        registry=SimpleNamespace(get=lambda name, version: registered, sign=sign),
        records=SimpleNamespace(audit=SimpleNamespace(append=lambda *event: noted.append(event))),
        trusted_key=None,
    )
    session = SimpleNamespace(stores=stores, actor=lambda: "ann", now="now", noted=noted)
    monkeypatch.setattr(models, "open_session", lambda: session)
    return session


def run(*words: str) -> Result:
    return CliRunner().invoke(models.app, list(words))


def test_a_version_from_before_is_signed_and_then_verifies(session: SimpleNamespace, keys: SigningKeys) -> None:
    assert "no key is trusted yet" in run("verify", "mail", "3").stdout
    assert "mail/3 is signed" in run("sign", "mail", "3").stdout
    assert [event[:3] for event in session.noted] == [("ann", "model_signed", "mail/3")]
    session.stores.trusted_key = trusted_key(keys)
    assert f"signed by {keys.own}" in run("verify", "mail", "3").stdout.replace("\n", "")


def test_an_unsigned_version_is_not_trusted(session: SimpleNamespace, keys: SigningKeys, tmp_path: Path) -> None:
    write_artifact(tmp_path / "other", Scripted(right), {})
    sign_artifact(tmp_path / "other", keys)
    session.stores.trusted_key = trusted_key(keys)
    assert isinstance(run("verify", "mail", "3").exception, ModelUntrusted)
    assert isinstance(run("report", "mail", "3", str(tmp_path / "page.html")).exception, ModelUntrusted)


def test_what_is_not_what_was_registered_is_neither_verified_nor_signed(
    session: SimpleNamespace, registered: SimpleNamespace
) -> None:
    registered.digest = "0" * 64
    for command in ("verify", "sign"):
        assert isinstance(run(command, "mail", "3").exception, ModelCorrupt)
    assert not (Path(registered.uri) / "model.sig").exists()
    assert session.noted == []
