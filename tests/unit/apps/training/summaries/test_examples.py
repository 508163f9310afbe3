from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.training.datasets.rows import DATASET
from apps.training.summaries.examples import read_aeslc, read_summary_examples
from libs.common.domain.dataset import Split
from libs.common.errors import DataError
from libs.common.features.json_mail import email_to_json
from tests.unit.apps.training.mails import mailbox


def dataset(folder: Path, summaries: list[str | None]) -> Path:
    """A dataset folder whose training mails carry ``summaries``, and whose holdout mail carries none."""
    emails = mailbox(len(summaries) + 1).emails
    rows = [
        {**email_to_json(email), "label": "a", "source": "b", "summary": summary, "split": split}
        for email, summary, split in zip(emails, [*summaries, ""], ["train"] * len(summaries) + ["holdout"], strict=True)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=DATASET), folder / "emails.parquet")
    return folder


def test_rows_with_a_reference_line_are_examples(tmp_path: Path) -> None:
    found = read_summary_examples(dataset(tmp_path, ["a line", "", None, " ", "another"]), Split.TRAIN)
    assert found.references == (("a line",), ("another",))
    assert [email.message_id for email in found.emails] == ["<000000@example.org>", "<000004@example.org>"]


def test_a_part_without_reference_lines_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row of the part 'holdout' has a reference summary") as raised:
        read_summary_examples(dataset(tmp_path, ["a line"]), Split.HOLDOUT)
    assert "summary" in raised.value.hint


def test_a_sample_is_the_seeds_and_keeps_the_order(tmp_path: Path) -> None:
    found = read_summary_examples(dataset(tmp_path, [f"line {number:02d}" for number in range(20)]), Split.TRAIN)
    drawn = found.sample(5, seed=1)
    assert len(drawn) == 5
    assert list(drawn.references) == sorted(drawn.references)
    assert drawn == found.sample(5, seed=1) != found.sample(5, seed=2)
    assert found.sample(99, seed=1) == found


def test_aeslc_gives_the_subject_or_the_annotators_lines(tmp_path: Path) -> None:
    rows = [
        {"split": "test", "email_id": "1", "body": "x", "subject": "s", "annotations": ["first", " ", "second"]},
        {"split": "train", "email_id": "2", "body": "y", "subject": "t", "annotations": None},
        {"split": "train", "email_id": "3", "body": "z", "subject": "", "annotations": []},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "aeslc.parquet")
    assert read_aeslc(tmp_path / "aeslc.parquet", "test").references == (("s",),)
    assert read_aeslc(tmp_path / "aeslc.parquet", "test", annotated=True).references == (("first", "second"),)
    (email,) = (found := read_aeslc(tmp_path / "aeslc.parquet", "train")).emails
    assert (email.subject, email.body, found.references) == ("", "y", (("t",),))
