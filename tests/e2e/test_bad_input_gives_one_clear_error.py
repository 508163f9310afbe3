"""What cannot be used is refused with one message and a failing exit status, and leaves no version behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from libs.common.config.home import REPO
from libs.common.http_calls import http
from tests.e2e.platform import Platform

pytestmark = pytest.mark.timeout(400)


def one_class(folder: Path) -> str:
    path = folder / "one.csv"
    path.write_text("subject,body,label\n" + "".join(f"hello {n},how are you {n},spam\n" for n in range(40)))
    return str(path)


def no_label(folder: Path) -> str:
    path = folder / "unlabelled.csv"
    path.write_text("subject,body\nhello,how are you\n")
    return str(path)


def empty(folder: Path) -> str:
    (folder / "nothing").mkdir()
    return str(folder / "nothing")


SOURCES = {
    "one class": (one_class, "one class"),
    "no label column": (no_label, "label"),
    "empty corpus": (empty, "no e-mail"),
    "wrong URI": (lambda _: "gopher://somewhere/mail", "gopher"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_corpus_that_cannot_teach_anything(platform: Platform, tmp_path: Path, kind: str) -> None:
    make, said = SOURCES[kind]
    before = platform.stores.datasets.list("emails")
    done = platform.run("dataset", "build", "--source", make(tmp_path), check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert platform.stores.datasets.list("emails") == before
    assert platform.stores.datasets.verify("emails") == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b'{"subject": 7}', "application/json"),
        (b"[]", "application/json"),
        (b"", "message/rfc822"),
    ],
)
def test_a_malformed_e_mail(platform: Platform, body: bytes, content_type: str) -> None:
    answer = http().post(f"{platform.url}/v1/classify", content=body, headers={"content-type": content_type}, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_an_environment_that_does_not_exist(platform: Platform) -> None:
    done = platform.run("config", "check", "--env", "moon", check=False)
    assert done.returncode == 1
    assert "clusters/moon/overlay.yaml" in done.stderr


def test_a_bad_configuration_key(tmp_path: Path) -> None:
    """On a copy of the code, whose configuration may be spoilt."""
    for room in ("apps", "clusters", "config", "flows", "libs"):
        shutil.copytree(REPO / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "config" / "monitoring.yaml").open("a") as block:
        block.write("\n  drift_treshold: 0.2\n")
    command = [sys.executable, "-c", "from apps.console.cli import main; main()", "dataset", "build"]
    environment = {**os.environ, "TRIAGE_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "config/monitoring.yaml: monitoring.drift_treshold: is no key of this block" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()
