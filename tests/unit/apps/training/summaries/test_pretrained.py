import json
import shutil
from pathlib import Path

import pytest

from apps.training.summaries.pretrained import find_pretrained
from libs.common.errors import ModelError, ModelNotFound
from libs.common.features.prompts import GPT, T5, Prompts
from tests.unit.apps.training.summaries.small_models import MAILS, small_model, split_tokenizer


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("gpt"), "gpt")


def test_a_folder_is_taken_as_it_is(gpt: Path, tmp_path: Path) -> None:
    found = find_pretrained(str(gpt), GPT, 64, tmp_path)
    assert (found.folder, found.tokenizer, found.eos) == (gpt, gpt / "tokenizer.json", 1)


def test_a_name_is_found_in_the_cache_of_hugging_face(gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, commit = tmp_path / "models--acme--small", "0" * 40
    shutil.copytree(gpt, model / "snapshots" / commit)
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(commit)
    # What HF_HOME sets, read when the library is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert find_pretrained("acme/small", GPT, 64, tmp_path).folder == model / "snapshots" / commit


@pytest.mark.parametrize("name", ["acme/never-made", "no such folder/at all/here"])
def test_a_name_that_is_nowhere_says_how_to_get_it(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=name) as raised:
        find_pretrained(name, T5, 64, tmp_path)
    assert "HF_HOME" in raised.value.hint


def test_a_model_of_the_other_family_is_refused(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no encoder") as raised:
        find_pretrained(str(gpt), T5, 64, tmp_path)
    assert "training.summarizers.gpt" in raised.value.hint


def test_a_model_that_reads_too_little_is_refused(gpt: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="64 tokens at most, it would be given 65"):
        find_pretrained(str(gpt), GPT, 65, tmp_path)


def test_a_model_that_never_ends_is_refused(gpt: Path, tmp_path: Path) -> None:
    shutil.copytree(gpt, tmp_path / "endless")
    config = json.loads((gpt / "config.json").read_text())
    (tmp_path / "endless" / "config.json").write_text(json.dumps({**config, "eos_token_id": None}))
    with pytest.raises(ModelError, match="no token that ends"):
        find_pretrained(str(tmp_path / "endless"), GPT, 64, tmp_path)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        find_pretrained(str(tmp_path), GPT, 64, tmp_path)


def test_an_older_tokenizer_is_turned_into_a_tokenizer_json(gpt: Path, tmp_path: Path) -> None:
    shutil.copytree(gpt, tmp_path / "older")
    split_tokenizer(tmp_path / "older")
    made = find_pretrained(str(tmp_path / "older"), GPT, 64, tmp_path).tokenizer
    assert made.parent != tmp_path / "older"
    old, new = (Prompts(path, GPT, 48, 1).read(list(MAILS)) for path in (gpt / "tokenizer.json", made))
    assert old == new
