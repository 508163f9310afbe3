"""Every kind of source is read; a source that can't be used says why before any row is."""

import json
import mailbox
import math
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from apps.training.reading.feedback import feedback_source
from apps.training.reading.ingest import open_source
from apps.training.reading.sources import Source, mails_of
from libs.common.domain.triage import Email, Feedback, LabelledEmail
from libs.common.errors import DataError

ROWS = [{"subject": f"s{n}", "body": "line\nline", "label": "ab"[n % 2]} for n in range(5)]


def mail(subject: str) -> bytes:
    return f"Subject: {subject}\nMessage-ID: <{subject}@x>\n\nbody of {subject}\n".encode()


def opened(uri: str | Path, tmp_path: Path, recipe: str | None = None) -> Source:
    return open_source(str(uri), recipe, tmp_path / "landing")


def read(source: Source) -> list[LabelledEmail]:
    mails = [found for stretch in source.stretches for found in stretch.read()]
    assert all(isinstance(found, LabelledEmail) for found in mails)
    return [found for found in mails if isinstance(found, LabelledEmail)]


def write_table(path: Path, rows: list[dict[str, str]]) -> Path:
    table = pa.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_tables_are_read_alike(tmp_path: Path, suffix: str) -> None:
    source = opened(write_table(tmp_path / f"mails{suffix}", ROWS), tmp_path)
    found = [(one.email.subject, one.email.body, one.label, one.source) for one in read(source)]
    assert found == [(row["subject"], row["body"], row["label"], f"mails{suffix}#{n}") for n, row in enumerate(ROWS)]


def test_a_large_table_is_cut_into_stretches_that_miss_and_repeat_nothing(tmp_path: Path) -> None:
    rows = [{"subject": str(n), "label": "a"} for n in range(4501)]
    source = opened(write_table(tmp_path / "mails.parquet", rows), tmp_path)
    assert len(source.stretches) == 5
    assert mails_of([source]) == 4501
    assert [one.email.subject for one in read(source)] == [row["subject"] for row in rows]


@pytest.mark.parametrize("group_rows", [7, 40, 60, 100])
def test_a_table_is_read_alike_however_its_rows_are_grouped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int
) -> None:
    monkeypatch.setattr("libs.common.sources.tables._STRETCH_ROWS", 20)
    monkeypatch.setattr("libs.common.sources.tables._MOST_CUTS_A_GROUP", 2)
    rows = [{"subject": str(n), "label": "a"} for n in range(95)]
    path = tmp_path / "mails.parquet"
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=group_rows)
    source = opened(path, tmp_path)
    longest = max(20, min(95, group_rows) / 2)
    assert len(source.stretches) == math.ceil(95 / math.ceil(longest))
    assert [(one.email.subject, one.source) for one in read(source)] == [(str(n), f"mails.parquet#{n}") for n in range(95)]


def test_how_many_mails_there_are_is_known_before_they_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "c" / "spam"
    folder.mkdir(parents=True)
    (folder / "1.eml").write_bytes(mail("one"))
    box = mailbox.mbox(tmp_path / "c" / "ham.mbox")
    for subject in ("two", "three"):
        box.add(mail(subject))
    box.close()
    known = [opened(tmp_path / "c", tmp_path), opened("synthetic://?n=1500", tmp_path)]
    tables = [opened(write_table(tmp_path / f"m{suffix}", ROWS), tmp_path) for suffix in (".csv", ".jsonl", ".parquet")]
    assert mails_of([*known, *tables]) == 3 + 1500 + 3 * len(ROWS)


def test_cells_of_a_csv_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('subject,label\n2025,007\n"1.50",NA\n')
    assert [(one.email.subject, one.label) for one in read(opened(tmp_path / "m.csv", tmp_path))] == [
        ("2025", "007"),
        ("1.50", "NA"),
    ]


def test_a_folder_of_files_takes_labels_from_its_folders(tmp_path: Path) -> None:
    for name in ("spam/2.eml", "spam/1.txt", "ham/3.eml", "ham/skipped.jpg"):
        (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "c" / name).write_bytes(mail(Path(name).stem))
    found = read(opened(f"file://{tmp_path}/c", tmp_path))
    assert [(one.email.subject, one.label, one.source) for one in found] == [
        ("3", "ham", "ham/3.eml"),
        ("1", "spam", "spam/1.txt"),
        ("2", "spam", "spam/2.eml"),
    ]


def test_an_mbox_takes_its_label_from_its_name(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "billing.mbox")
    for subject in ("one", "two"):
        box.add(mail(subject))
    box.close()
    assert [(one.email.message_id, one.label) for one in read(opened(tmp_path / "billing.mbox", tmp_path))] == [
        ("one@x", "billing"),
        ("two@x", "billing"),
    ]
    (tmp_path / "billing.mbox").rename(tmp_path / "inbox")
    assert [one.label for one in read(opened(tmp_path / "inbox", tmp_path))] == ["inbox", "inbox"]


def test_maildirs_take_labels_from_their_names(tmp_path: Path) -> None:
    root = mailbox.Maildir(tmp_path / "mail")
    root.add(mail("top"))
    root.add_folder("sales").add(mail("below"))
    found = read(opened(tmp_path / "mail", tmp_path))
    assert sorted((one.email.subject, one.label) for one in found) == [("below", "sales"), ("top", "mail")]


def test_synthetic_mail_is_the_same_in_any_stretches(tmp_path: Path) -> None:
    whole, part = (read(opened(f"synthetic://?n={n}&seed=3", tmp_path)) for n in (1100, 150))
    assert len(whole) == 1100
    assert whole[:150] == part
    assert opened("synthetic://?seed=3&n=150", tmp_path).digest == opened("synthetic:?n=150&seed=3&drift=0", tmp_path).digest


def test_the_digest_of_a_source_follows_its_content(tmp_path: Path) -> None:
    path = write_table(tmp_path / "mails.csv", ROWS)
    before = opened(path, tmp_path).digest
    assert opened(path.rename(tmp_path / "moved.csv"), tmp_path).digest == before
    assert opened(write_table(tmp_path / "moved.csv", ROWS[:-1]), tmp_path).digest != before


def test_feedback_with_an_email_is_a_source_and_the_last_word_counts() -> None:
    def given(request: str, label: str, minute: int, email: Email | None) -> Feedback:
        return Feedback(request, "m", label, "anna", datetime(2025, 1, 1, 0, minute, tzinfo=UTC), email)

    email = Email("1", "a@b", "s", "b")
    source = feedback_source([given("r1", "new", 2, email), given("r1", "old", 1, email), given("r2", "x", 1, None)])
    assert [(one.label, one.source) for one in read(source)] == [("new", "feedback:r1")]
    assert feedback_source([given("r2", "x", 1, None)]).stretches == ()


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("ftp://host/mails", "no source that can be read"),
        ("absent.parquet", "absent.parquet does not exist"),
        ("synthetic://?n=0", "n=0"),
        ("synthetic://?n=many", "n is 'many'"),
        ("synthetic://?n=5&drift=2", "drift=2"),
        ("synthetic://?n=5&sed=2", "unknown 'sed'"),
    ],
)
def test_a_wrong_address_is_one_clear_error(tmp_path: Path, uri: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        opened(uri, tmp_path)
    assert caught.value.hint


def test_a_table_without_its_label_column_names_the_columns_there_are(tmp_path: Path) -> None:
    path = write_table(tmp_path / "m.csv", [{"Betreff": "x", "Queue": "y"}])
    with pytest.raises(DataError, match=r"no column 'label'.* there are Betreff, Queue"):
        opened(path, tmp_path)
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\ncolumns: {label: Queue}")
    with pytest.raises(DataError, match="no column holds a mail"):
        opened(path, tmp_path, str(recipe))


@pytest.mark.parametrize(
    ("name", "content"), [("m.parquet", b"no parquet"), ("m.csv", b""), ("m.jsonl", b"[1]\n"), ("m.jsonl", b"{")]
)
def test_a_table_that_is_none_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        opened(tmp_path / name, tmp_path)


def test_an_empty_folder_and_an_empty_table_hold_no_mail(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "m.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no e-mail"):
        opened(tmp_path / "empty", tmp_path)
    with pytest.raises(DataError, match="has no rows"):
        opened(tmp_path / "m.jsonl", tmp_path)
