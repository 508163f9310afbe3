"""However a .csv or .jsonl is cut, its rows are those of the whole, and each has the number that it has in the whole."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import DataError
from libs.common.sources.text_tables import TextStretch, columns_of, stretches_of

CELLS = st.text(st.sampled_from('ab ,"\n\r\u00e9'), max_size=8)
ROWS = st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def read(stretches: list[TextStretch]) -> list[tuple[str, dict[str, object]]]:
    return [(mail.origin, dict(mail.columns)) for stretch in stretches for mail in stretch.read()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@given(rows=ROWS, most=st.integers(1, 7), end=st.sampled_from(["\n", "\r\n"]), blank=st.booleans(), bom=st.booleans())
def test_a_csv_reads_as_what_was_written_wherever_it_is_cut(
    folder: Path, rows: list[tuple[str, str]], most: int, end: str, blank: bool, bom: bool
) -> None:
    path = folder / "m.csv"
    lines = ["subject,body", *(",".join(map(quoted, row)) for row in rows)]
    path.write_bytes(("\ufeff" * bom + (end * (1 + blank)).join(lines)).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("libs.common.sources.text_tables._STRETCH_ROWS", most)
        cut = list(stretches_of(path))
    assert [stretch.mails for stretch in cut[:-1]] == [most] * (len(cut) - 1)
    assert all(before.end == after.begin for before, after in pairwise(cut))
    expected = [{"subject": subject or None, "body": body or None} for subject, body in rows]
    assert read(cut) == [(f"m.csv#{number}", row) for number, row in enumerate(expected)]


@given(rows=st.lists(CELLS, min_size=1, max_size=30), most=st.integers(1, 7), blank=st.booleans())
def test_json_lines_read_as_what_was_written_wherever_they_are_cut(
    folder: Path, rows: list[str], most: int, blank: bool
) -> None:
    path = folder / "m.jsonl"
    path.write_text(("\n" * (1 + blank)).join(json.dumps({"body": row}, ensure_ascii=False) for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("libs.common.sources.text_tables._STRETCH_ROWS", most)
        cut = list(stretches_of(path))
    assert read(cut) == [(f"m.jsonl#{number}", {"body": row}) for number, row in enumerate(rows)]


def test_long_rows_are_cut_by_their_bytes_and_none_is_too_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.common.sources.text_tables._STRETCH_BYTES", 1000)
    # Longer than the block in which Arrow looks for the end of a row.
    bodies = ["x" * 700, "y" * 700, "z" * (3 << 20), "w"]
    (folder / "long.csv").write_text("body\n" + "\n".join(bodies))
    cut = list(stretches_of(folder / "long.csv"))
    assert [stretch.mails for stretch in cut] == [2, 1, 1]
    assert [row["body"] for _, row in read(cut)] == bodies


def test_rows_that_are_counted_and_read_otherwise_are_an_error(folder: Path) -> None:
    path = folder / "odd.csv"
    path.write_text("body\na\nb\n")
    (whole,) = stretches_of(path)
    with pytest.raises(DataError, match="2 rows where 3 were counted, from row 0 on"):
        read([TextStretch(path, whole.begin, whole.end, 0, 3)])


def test_rows_that_end_in_carriage_returns_alone_are_said(folder: Path) -> None:
    (folder / "mac.csv").write_bytes(b"subject,body\ra,b\rc,d\r")
    with pytest.raises(DataError, match=r"mac\.csv cannot be read as \.csv"):
        list(stretches_of(folder / "mac.csv"))


def test_columns_are_named_without_quotes_and_byte_order_mark(folder: Path) -> None:
    path = folder / "named.csv"
    path.write_text('\ufeff"a b",c\n1,2\n')
    assert columns_of(path) == ("a b", "c")
