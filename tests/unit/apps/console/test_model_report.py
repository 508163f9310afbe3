"""`triage model report` on an artifact in a folder, without a registry."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from apps.console.commands import models
from libs.common.errors import ModelError, ModelNotFound
from libs.common.models.artifact import write_artifact
from tests.unit.apps.training.evaluation.test_checks import Scripted, right


def report(monkeypatch: pytest.MonkeyPatch, artifact: Path, into: Path) -> Result:
    digest = hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()
    registered = SimpleNamespace(uri=str(artifact), ref="mail/3", digest=digest)
    registry = SimpleNamespace(get=lambda name, version: registered)
    session = SimpleNamespace(stores=SimpleNamespace(registry=registry, trusted_key=None))
    monkeypatch.setattr(models, "open_session", lambda: session)
    return CliRunner().invoke(models.app, ["report", "mail", "3", str(into)])


def test_the_page_that_travels_with_the_version_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", Scripted(right), {"evaluation.html": b"<h1>Evaluation</h1>"})
    into = tmp_path / "pages" / "mail.html"
    assert report(monkeypatch, tmp_path / "model", into).stdout == f"{into}\n"
    assert into.read_text() == "<h1>Evaluation</h1>"


def test_a_version_without_a_page_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", Scripted(right), {})
    raised = report(monkeypatch, tmp_path / "model", tmp_path / "mail.html").exception
    assert isinstance(raised, ModelNotFound) and "mail/3 has no evaluation.html" in raised.message


def test_a_page_that_was_changed_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_artifact(tmp_path / "model", Scripted(right), {"evaluation.html": b"<h1>Evaluation</h1>"})
    (tmp_path / "model" / "evaluation.html").write_text("<h1>All is well</h1>")
    assert isinstance(report(monkeypatch, tmp_path / "model", tmp_path / "mail.html").exception, ModelError)
    assert not (tmp_path / "mail.html").exists()
