import json
import subprocess
import sys
from pathlib import Path

import pytest

from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.errors import ModelCorrupt, ModelError, ModelNotFound, ModelUntrusted
from libs.common.models.artifact import HEADER, MANIFEST, load_classifier, verify_artifact, write_artifact
from libs.common.models.tabular import TabularClassifier
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS

FILES = ["README.md", HEADER, "vocabulary.json", "weights.safetensors"]


@pytest.fixture(scope="module")
def classifier() -> TabularClassifier:
    return fit_tabular(mailbox(30), OPTIONS, seed=0).classifier


@pytest.fixture
def folder(classifier: TabularClassifier, tmp_path: Path) -> Path:
    write_artifact(tmp_path / "model", classifier, {"README.md": b"a card"})
    return tmp_path / "model"


def _reseal(folder: Path) -> None:
    """Write a manifest that fits the files as they are now."""
    from libs.common.models import artifact

    names = [path.name for path in folder.iterdir() if path.name != MANIFEST]
    (folder / MANIFEST).write_bytes(artifact._canonical({name: artifact._sha256(folder / name) for name in names}))


def test_the_digest_is_the_contents_and_nothing_elses(classifier: TabularClassifier, tmp_path: Path) -> None:
    first, second = (write_artifact(tmp_path / name, classifier, {"README.md": b"a card"}) for name in ("one", "two"))
    other = write_artifact(tmp_path / "three", classifier, {"README.md": b"another card"})
    assert first == second == verify_artifact(tmp_path / "one") != other
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted([*FILES, MANIFEST])


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_is_found_and_the_file_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelCorrupt, match=name):
        load_classifier(folder)


def test_every_flipped_byte_of_the_manifest_is_found(folder: Path) -> None:
    sound = (folder / MANIFEST).read_bytes()
    for place in range(len(sound)):
        (folder / MANIFEST).write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(ModelCorrupt):
            verify_artifact(folder)


def test_a_missing_or_added_file_is_named(folder: Path) -> None:
    (folder / "extra.txt").write_text("x")
    with pytest.raises(ModelCorrupt, match=r"extra\.txt"):
        verify_artifact(folder)
    (folder / "extra.txt").unlink()
    (folder / "vocabulary.json").unlink()
    with pytest.raises(ModelCorrupt, match=r"vocabulary\.json.*missing"):
        verify_artifact(folder)


def test_a_sound_model_of_another_digest_is_refused(folder: Path) -> None:
    with pytest.raises(ModelCorrupt, match="is registered"):
        load_classifier(folder, expected_digest="0" * 64)


def test_a_file_that_runs_code_is_refused_even_where_the_manifest_lists_it(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"\x80\x04N.")
    _reseal(folder)
    with pytest.raises(ModelUntrusted, match=r"model\.pkl"):
        load_classifier(folder)


@pytest.mark.parametrize("document", [{"format": 7}, {"format": 7, "kind": "of the future"}])
def test_a_format_of_the_future_says_what_to_do(folder: Path, document: dict[str, object]) -> None:
    (folder / HEADER).write_text(json.dumps(document))
    _reseal(folder)
    with pytest.raises(ModelError, match="format 7, this code reads format 1") as raised:
        load_classifier(folder)
    assert "release of triage" in raised.value.hint


def test_an_unknown_family_is_refused(folder: Path) -> None:
    header = json.loads((folder / HEADER).read_text())
    (folder / HEADER).write_text(json.dumps({**header, "family": "oracle"}))
    _reseal(folder)
    with pytest.raises(ModelUntrusted, match="oracle"):
        load_classifier(folder)


def test_a_folder_without_a_model_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        load_classifier(tmp_path)


def test_what_cannot_be_written_leaves_nothing(classifier: TabularClassifier, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_artifact(tmp_path / "model", classifier, {"README.md": "text, not bytes"})  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_never_written_over_another(folder: Path, classifier: TabularClassifier) -> None:
    digest = verify_artifact(folder)
    with pytest.raises(OSError):
        write_artifact(folder, classifier, {})
    assert verify_artifact(folder) == digest
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_loading_and_predicting_needs_no_training_library(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from libs.common.models.artifact import load_classifier\n"
        "from libs.common.domain.triage import Email\n"
        f"load_classifier(Path({str(folder)!r})).predict([Email(message_id='', sender='', subject='a', body='b')])\n"
        "print(*(name for name in ('sklearn', 'scipy', 'torch', 'transformers', 'mlflow', 'ray') if name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
