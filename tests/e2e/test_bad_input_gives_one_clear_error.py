"""What cannot be used is refused with one message and a failing exit status, and leaves no version behind."""

from pathlib import Path

import httpx
import pytest

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
    answer = httpx.post(f"{platform.url}/v1/classify", content=body, headers={"content-type": content_type}, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_bad_configuration_key(platform: Platform) -> None:
    done = platform.run("config", "check", "--env", "moon", check=False)
    assert done.returncode == 1
    assert "clusters/moon/overlay.yaml" in done.stderr
