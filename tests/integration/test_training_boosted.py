"""The boosted family for real: MiniLM on Ray Data actors, Ray Train's XGBoost trainer, and an artifact that needs neither."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apps.training.fitting.fit_boosted import fit_boosted
from apps.training.packaging.requirements import requirements
from libs.common.errors import ModelCorrupt, ModelError
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.models.boosted import TREES, BoostedClassifier, load_boosted
from tests.unit.apps.training.fitting.test_boost_worker import OPTIONS
from tests.unit.apps.training.mails import mailbox, read_only

pytestmark = pytest.mark.filterwarnings("default")

TRAIN, HOLDOUT = mailbox(90), mailbox(30, seed=9)


@pytest.fixture(scope="module")
def fitted(connected: str, tmp_path_factory: pytest.TempPathFactory) -> BoostedClassifier:
    return fit_boosted(TRAIN, OPTIONS, seed=0, workspace=tmp_path_factory.mktemp("first"), threads=1).classifier


@pytest.fixture(scope="module")
def folder(fitted: BoostedClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact") / "model"
    write_artifact(folder, fitted, {})
    return folder


def test_it_learns_what_can_be_learned(fitted: BoostedClassifier) -> None:
    probabilities = fitted.predict(HOLDOUT.emails)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(30))
    assert (np.array(fitted.labels)[probabilities.argmax(axis=1)] == np.array(HOLDOUT.labels)).mean() > 0.8
    assert 0.05 < fitted.temperature < 20
    assert fitted.predict([]).shape == (0, 3)
    assert (fitted.predict(read_only(HOLDOUT.emails)) == probabilities).all()


def test_the_same_dataset_and_seed_give_the_same_artifact(
    fitted: BoostedClassifier, folder: Path, tmp_path: Path, connected: str
) -> None:
    again = fit_boosted(TRAIN, OPTIONS, seed=0, workspace=tmp_path, threads=1)
    assert again.classifier.temperature == again.aside.temperature
    assert {TRAIN.folds[row] for row in again.aside.rows} == {0} and again.aside.right.mean() > 0.7
    digest = write_artifact(tmp_path / "model", again.classifier, {})
    assert load_classifier(folder, digest).predict(HOLDOUT.emails) == pytest.approx(fitted.predict(HOLDOUT.emails))


def test_read_back_it_answers_without_a_fitting_library(folder: Path, fitted: BoostedClassifier) -> None:
    program = (
        "import sys\n"
        "absent = ('sklearn', 'torch', 'transformers', 'mlflow', 'ray', 'pandas', 'pyarrow')\n"
        "sys.modules |= dict.fromkeys(absent)  # importing one now fails\n"
        "from pathlib import Path\n"
        "from libs.common.models.artifact import load_classifier\n"
        "from tests.unit.apps.training.mails import mailbox\n"
        f"print(load_classifier(Path({str(folder)!r})).predict(mailbox(30, seed=9).emails).tolist())"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert np.array(json.loads(ran.stdout)) == pytest.approx(fitted.predict(HOLDOUT.emails), abs=1e-6)


def test_files_that_do_not_fit_together_are_refused(folder: Path, fitted: BoostedClassifier) -> None:
    with pytest.raises(ModelCorrupt, match="tells 3 classes apart, there are 2"):
        load_boosted(folder, ("a", "b"), fitted.options, threads=1)
    with pytest.raises(ModelError, match="metadata features"):
        load_boosted(folder, fitted.labels, {**fitted.options, "metadata": ["is_html"]}, threads=1)


def test_trees_that_are_none_are_refused(folder: Path, fitted: BoostedClassifier, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(b"rubbish" if path.name == TREES else path.read_bytes())
    with pytest.raises(ModelCorrupt, match=TREES):
        load_boosted(tmp_path, fitted.labels, fitted.options, threads=1)


def test_what_it_needs_is_pinned() -> None:
    names = {line.partition("==")[0] for line in requirements("boosted").splitlines()}
    assert {"xgboost", "onnxruntime", "tokenizers"} <= names
    assert not {"scikit-learn", "torch", "transformers"} & names
