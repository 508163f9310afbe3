"""What a comparison reads of a version: evenly spaced features, in the order of the rows."""

from pathlib import Path

import pytest
from pyarrow import parquet

from apps.training.rows import ingested_row, ingested_table
from apps.training.snapshot import read_features
from libs.common.domain.triage import Email, LabelledEmail


@pytest.mark.parametrize(("count", "at_most", "step"), [(2500, 5000, 1), (2500, 1000, 3), (7, 7, 1), (7, 3, 3), (1, 1, 1)])
def test_features_are_read_evenly_and_in_order(tmp_path: Path, count: int, at_most: int, step: int) -> None:
    mails = (LabelledEmail(Email(str(n), "a@b", "s" * n, "body"), "spam", "x") for n in range(count))
    parquet.write_table(ingested_table([ingested_row(n, mail) for n, mail in enumerate(mails)]), tmp_path / "emails.parquet")
    features = read_features(tmp_path, at_most)
    assert features["subject_chars"].tolist() == list(range(0, count, step))
    assert len(features["subject_chars"]) <= at_most


def test_a_version_without_rows_has_no_features(tmp_path: Path) -> None:
    parquet.write_table(ingested_table([]), tmp_path / "emails.parquet")
    assert read_features(tmp_path, 10) == {}
