import io
import math
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.monitoring.references import FILE, References, read_sample
from libs.common.config.configuration import SigningKeys
from libs.common.domain.model import ModelRef
from libs.common.errors import ModelCorrupt, ModelUntrusted
from libs.common.models.artifact import write_artifact
from libs.common.models.signing import sign_artifact, trusted_key
from libs.common.stats.drift import largest_gap
from tests.unit.apps.training.evaluation.test_checks import Scripted, right

TRAINED = datetime(2026, 1, 4, tzinfo=UTC)


def publish(folder: Path, columns: dict[str, list[float]]) -> ModelRef:
    table = io.BytesIO()
    pq.write_table(pa.table(columns), table)
    digest = write_artifact(folder, Scripted(right), {FILE: table.getvalue()} if columns else {})
    return ModelRef(name="email_classifier", version="1.0.0", digest=digest, uri=str(folder))


def test_counts_still_tie_with_live_ones(tmp_path: Path) -> None:
    live = [math.log1p(number % 7) for number in range(700)]
    sample = References(tmp_path / "local", Any).sample(publish(tmp_path / "store" / "m", {"links": live}))
    assert largest_gap(np.asarray(sample["links"]), np.array(live))[0] == 0.0


def test_a_version_without_a_sample_is_fetched_and_said_so_once(tmp_path: Path) -> None:
    references = References(tmp_path / "local", Any)
    ref = publish(tmp_path / "store" / "m", {})
    assert references.sample(ref) == {}
    (tmp_path / "local" / ref.digest / "manifest.json").unlink()
    assert references.sample(ref) == {}


def test_a_damaged_copy_is_refused_and_fetched_again(tmp_path: Path) -> None:
    ref = publish(tmp_path / "store" / "m", {"links": [1.0]})
    whole = (tmp_path / "store" / "m" / FILE).read_bytes()
    (tmp_path / "store" / "m" / FILE).write_bytes(whole + b"!")
    references = References(tmp_path / "local", Any)
    with pytest.raises(ModelCorrupt, match=FILE):
        references.sample(ref)
    (tmp_path / "store" / "m" / FILE).write_bytes(whole)
    assert references.sample(ref)["links"].tolist() == [1.0]


def test_another_artifact_than_was_released_is_no_reference(tmp_path: Path) -> None:
    ref = publish(tmp_path / "store" / "m", {"links": [1.0]})
    with pytest.raises(ModelCorrupt, match="was released"):
        References(tmp_path / "local", Any).sample(ref.model_copy(update={"digest": "a" * 64}))


def test_once_a_key_is_trusted_an_unsigned_sample_is_none(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "keys")
    references = References(tmp_path / "local", Any, lambda: trusted_key(keys))
    unsigned, signed = (publish(tmp_path / name, {"links": [value]}) for name, value in (("unsigned", 1.0), ("signed", 2.0)))
    assert references.sample(unsigned)["links"].tolist() == [1.0]
    sign_artifact(tmp_path / "signed", keys)
    assert references.sample(signed)["links"].tolist() == [2.0]
    with pytest.raises(ModelUntrusted):
        References(tmp_path / "other", Any, lambda: trusted_key(keys)).sample(unsigned)


def test_the_registry_is_asked_once_a_version(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def look_up(name: str, version: str) -> Any:
        asked.append((name, version))
        return SimpleNamespace(training_details=SimpleNamespace(training_date=TRAINED))

    references = References(tmp_path, look_up)
    ref = ModelRef(name="email_classifier", version="1.0.0", digest="a" * 64, uri="")
    assert [references.trained_at(ref), references.trained_at(ref)] == [TRAINED, TRAINED]
    assert asked == [("email_classifier", "1.0.0")]


def test_anything_else_is_no_reference(tmp_path: Path) -> None:
    (tmp_path / "torn").write_bytes(b"PAR1")
    pq.write_table(pa.table({"words": ["many"]}), tmp_path / "words")
    for name in ("torn", "words", "absent"):
        with pytest.raises(ModelCorrupt, match=name):
            read_sample(tmp_path / name)
