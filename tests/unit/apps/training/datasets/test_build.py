"""Labels are renamed in pairs, or not at all."""

import pyarrow as pa
import pytest

from apps.training.datasets.build import candidates_of, read_relabel, rename_labels
from apps.training.datasets.rows import CLEANED
from apps.training.reading.feedback import FEEDBACK_URI
from libs.common.errors import DataError


def test_pairs_are_read_and_the_last_of_a_label_counts() -> None:
    assert read_relabel(["junk=spam", "ham=work", "junk=bulk"]) == {"junk": "bulk", "ham": "work"}
    assert read_relabel([]) == {}


@pytest.mark.parametrize("written", ["junk", "=spam", "junk=", "="])
def test_what_is_no_pair_is_shown_with_what_to_write(written: str) -> None:
    with pytest.raises(DataError, match="found") as refused:
        read_relabel([written])
    assert "OLD=NEW" in str(refused.value)


def test_what_many_rows_share_is_kept_once() -> None:
    row = {"label": "spam and more", "source": "mails", "clean_subject": "s", "clean_text": "text", "clean_quoted": ""}
    table = pa.Table.from_pylist([row | {"position": n, "flaws": ["no date"]} for n in range(2)], schema=CLEANED)
    first, second = candidates_of(table)
    assert (first.position, first.label, first.flaws, first.text_chars) == (0, "spam and more", ("no date",), 5)
    assert first.label is second.label
    assert first.flaws[0] is second.flaws[0]


def test_only_the_labels_of_sources_are_renamed_not_what_users_said() -> None:
    read = [{"source": "mails.jsonl", "label": "a"}, {"source": "mails.jsonl", "label": "b"}]
    said = {"source": f"{FEEDBACK_URI}r1", "label": "a"}
    table = rename_labels(pa.Table.from_pylist([*read, said], schema=CLEANED), {"a": "b", "b": "a"})
    assert table.schema == CLEANED
    assert table.column("label").to_pylist() == ["b", "a", "a"]
