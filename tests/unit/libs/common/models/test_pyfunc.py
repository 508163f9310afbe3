from pathlib import Path

import pandas as pd
import pytest

from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.errors import DataError, ModelCorrupt
from libs.common.models.artifact import write_artifact
from libs.common.models.pyfunc import _load_pyfunc
from tests.unit.apps.training.mails import mailbox
from tests.unit.libs.common.models.test_tabular import OPTIONS


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Path, str]:
    return tmp_path / "model", write_artifact(tmp_path / "model", fit_tabular(mailbox(30), OPTIONS, seed=0).classifier, {})


def test_a_table_in_a_table_out(folder: tuple[Path, str]) -> None:
    model = _load_pyfunc(str(folder[0]), {"digest": folder[1]})
    table = pd.DataFrame({"subject": ["invoice due", "prize"], "body": ["payment overdue", "click free"]}, index=[7, 9])
    answers = model.predict(table)
    assert list(answers.columns) == ["label", "confidence"]
    assert answers["label"].to_dict() == {7: "invoice", 9: "spam"}


def test_a_table_without_bodies_is_refused(folder: tuple[Path, str]) -> None:
    with pytest.raises(DataError, match="body"):
        _load_pyfunc(str(folder[0])).predict(pd.DataFrame({"subject": ["x"]}))


def test_the_registered_digest_is_checked(folder: tuple[Path, str]) -> None:
    with pytest.raises(ModelCorrupt):
        _load_pyfunc(str(folder[0]), {"digest": "0" * 64})
