"""What a comparison reads of a version: evenly spaced features of the wanted rows, in their order."""

from pathlib import Path

import pytest
from pyarrow import parquet

from apps.training.datasets.reference import Sample
from apps.training.datasets.rows import ingested_row, ingested_table
from libs.common.domain.triage import Email, LabelledEmail


@pytest.mark.parametrize(("count", "at_most", "step"), [(2500, 5000, 1), (2500, 1000, 3), (7, 7, 1), (7, 3, 3), (1, 1, 1)])
def test_features_are_read_evenly_and_in_order(tmp_path: Path, count: int, at_most: int, step: int) -> None:
    mails = (LabelledEmail(Email(str(n), "a@b", "s" * n, "body"), "spam", "x") for n in range(count))
    parquet.write_table(ingested_table([ingested_row(n, mail) for n, mail in enumerate(mails)]), tmp_path / "emails.parquet")
    features = Sample(tmp_path / "emails.parquet", range(count), at_most).features
    assert features["subject_chars"].tolist() == list(range(0, count, step))
    assert len(features["subject_chars"]) <= at_most


def test_a_version_without_rows_has_no_features(tmp_path: Path) -> None:
    parquet.write_table(ingested_table([]), tmp_path / "emails.parquet")
    assert Sample(tmp_path / "emails.parquet", range(0)).features == {}


def test_only_the_wanted_rows_are_read(tmp_path: Path) -> None:
    mails = (LabelledEmail(Email(str(n), "a@b", "s" * n, "body"), "spam", f"row {n}") for n in range(9))
    parquet.write_table(ingested_table([ingested_row(n, mail) for n, mail in enumerate(mails)]), tmp_path / "emails.parquet")
    sample = Sample(tmp_path / "emails.parquet", [2, 5, 8])
    assert sample.names == ["row 2", "row 5", "row 8"]
    assert sample.features["subject_chars"].tolist() == [2, 5, 8]
