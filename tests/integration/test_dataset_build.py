"""Datasets built on a real Ray, committed to a real git + DVC workspace: the same input, the same version; a bad one, none."""

import json
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from apps.training.datasets.build import BuildRequest, build_dataset, read_dataset
from apps.training.datasets.corrections import CORRECTED
from apps.training.datasets.reference import UNCOMPARED
from apps.training.datasets.rows import DATASET, labelled_emails_of
from apps.training.provenance import Stamp
from apps.training.reading.ingest import open_source
from libs.common.domain.dataset import DatasetVersion, Split
from libs.common.domain.progress import Progress, Watch, unwatched
from libs.common.domain.triage import Email, Feedback
from libs.common.errors import DataError, StoreError
from libs.common.stores.datasets import DatasetStore
from libs.common.stores.records import migrate, open_records

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:ray", "ignore::ResourceWarning", "ignore::FutureWarning:ray"
)

NOW = datetime(2025, 1, 15, tzinfo=UTC)
SYNTHETIC = "synthetic://?n=600&seed=5"


def built(
    store: DatasetStore,
    request: BuildRequest,
    feedback: tuple[Feedback, ...] = (),
    now: datetime = NOW,
    answers: dict[str, str] | None = None,
    watch: Watch = unwatched,
) -> DatasetVersion:
    return build_dataset(request, store, Stamp(now, "abc", "def"), feedback, lambda _: answers or {}, watch)


def request_of(*sources: object, **options: object) -> BuildRequest:
    return BuildRequest.model_validate({"name": "mail", "sources": tuple(map(str, sources)), **options})


def write_mails(path: Path, labels: list[str], text: str = "the body of the mail with the number") -> Path:
    rows = [{"subject": f"subject {n}", "body": f"{text} {n}", "label": label} for n, label in enumerate(labels)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.mark.usefixtures("connected")
def test_a_version_is_built_committed_and_read_back(store: DatasetStore, tmp_path: Path) -> None:
    told: list[Progress] = []
    version = built(store, request_of(SYNTHETIC), watch=told.append)
    assert [(progress.done, progress.total) for progress in (told[0], told[-1])] == [(0, 600), (600, 600)]
    assert [progress.ended for progress in told] == [*[False] * (len(told) - 1), True]
    table = read_dataset(store.checkout("mail", "latest", tmp_path / "out"))
    assert table.schema.equals(DATASET)
    assert (version.tag, version.rows, table.num_rows) == ("mail/v1.0.0", sum(version.classes.values()), version.rows)
    assert abs(version.splits[Split.HOLDOUT] / version.rows - 0.2) < 0.02
    assert [source.rows for source in version.lineage.sources] == [600]
    assert (
        version.quality.rows_read
        == 600
        == version.rows + version.quality.duplicates + sum(version.quality.quarantined.values())
    )
    threads: dict[str, list[int]] = {}
    for mail, fold in zip(labelled_emails_of(table), table.column("fold").to_pylist(), strict=True):
        threads.setdefault(mail.email.thread_id, []).append(fold)
    assert all(len(set(folds)) == 1 for folds in threads.values())
    assert sum(len(folds) > 1 for folds in threads.values()) > 50
    assert store.verify("mail") == []


@pytest.mark.usefixtures("connected")
def test_the_same_input_gives_the_same_digest_elsewhere_and_later(store: DatasetStore, tmp_path: Path) -> None:
    request = request_of(SYNTHETIC, write_mails(tmp_path / "m.jsonl", ["billing", "hr"] * 10))
    first = built(store, request)
    assert built(store, request, now=NOW.replace(year=2026)).tag == first.tag
    (tmp_path / "moved").mkdir()
    lines = (tmp_path / "m.jsonl").read_text().splitlines()
    (tmp_path / "moved" / "renamed.jsonl").write_text("\n".join(reversed(lines)))
    elsewhere = DatasetStore(tmp_path / "elsewhere", str(tmp_path / "remote2"))
    moved = built(elsewhere, request_of(SYNTHETIC, tmp_path / "moved" / "renamed.jsonl"), now=NOW.replace(month=7))
    assert moved.digest == first.digest
    other = built(store, request.model_copy(update={"seed": 1}))
    assert (other.tag, other.lineage.parent) == ("mail/v1.1.0", "mail/v1.0.0")
    assert other.digest != first.digest


@pytest.mark.usefixtures("connected")
def test_rows_come_in_the_order_of_their_sources_as_a_plain_loop_gives_them(tmp_path: Path) -> None:
    from apps.training.datasets.stream import cleaned_blocks, first_position, stream_rows

    write_mails(tmp_path / "few.jsonl", ["a", "b"])
    # The first stretch takes the longest: what the others give has to wait for it.
    sources = [
        open_source(uri, None, tmp_path / "landing") for uri in ("synthetic://?n=1010&seed=4", str(tmp_path / "few.jsonl"))
    ]
    stretches = [stretch for source in sources for stretch in source.stretches]
    assert len(stretches) == 3
    plain = [block for place, stretch in enumerate(stretches) for block in cleaned_blocks(stretch, first_position(place))]
    assert pa.concat_tables(stream_rows(sources)).equals(pa.concat_tables(plain))


@pytest.mark.usefixtures("connected")
def test_relabelling_swaps_labels_and_is_in_the_lineage(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", ["a"] * 20 + ["b"] * 10)
    swapped = built(store, request_of(path, relabel={"a": "b", "b": "a"}))
    assert (swapped.classes, swapped.lineage.relabel) == ({"a": 10, "b": 20}, {"a": "b", "b": "a"})
    with pytest.raises(DataError, match="relabel names 'c'"):
        built(store, request_of(path, relabel={"c": "a"}))


@pytest.mark.usefixtures("connected")
def test_feedback_joins_the_rows_and_overrules_the_corpus(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)
    corrected = Email("new", "x@y", "subject 0", "the body of the mail with the number 0", sent_at=NOW)
    feedback = (Feedback("r1", "m", "b", "anna", NOW, corrected), Feedback("r2", "m", "a", "anna", NOW))
    version = built(store, request_of(path), feedback, answers={"r1": "a"})
    table = read_dataset(store.checkout("mail", "latest", tmp_path / "out"))
    labels = {mail.email.subject: mail.label for mail in labelled_emails_of(table)}
    assert (labels["subject 0"], version.rows, version.quality.duplicates) == ("b", 30, 1)
    assert [source.rows for source in version.lineage.sources] == [30, 1]
    (found,) = (finding for finding in version.quality.findings if finding.kind == CORRECTED)
    assert (found.count, found.rows) == (1, ("feedback:r1",))


@pytest.mark.usefixtures("connected")
def test_a_damaged_version_before_is_said_and_does_not_stop_the_next(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)
    before = built(store, request_of(path))
    for kept in (tmp_path / "datasets/.dvc/cache", tmp_path / "remote"):
        for content in kept.rglob("*"):
            if content.is_file():
                content.unlink()
    version = built(store, request_of(write_mails(tmp_path / "m.jsonl", ["a", "b"] * 20)))
    (found,) = (finding for finding in version.quality.findings if finding.kind == UNCOMPARED)
    assert before.tag in found.said
    assert (version.tag, version.lineage.parent) == ("mail/v1.1.0", before.tag)
    assert store.verify("mail", version.version) == []


@pytest.mark.usefixtures("connected")
def test_an_archive_and_feedback_by_address_give_the_version_that_their_contents_give(
    store: DatasetStore, tmp_path: Path
) -> None:
    table = write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)
    corrected = Email("new", "x@y", "subject 0", "the body of the mail with the number 0", sent_at=NOW)
    feedback = Feedback("r1", "m", "b", "anna", NOW, corrected)
    plain = built(store, request_of(table), (feedback,))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(table, "export/m.jsonl")
    address = f"sqlite:///{tmp_path}/records.db"
    migrate(address)
    with pytest.raises(DataError, match="no feedback carries its e-mail yet"):
        built(store, request_of(address))
    with closing(open_records(address)) as records:
        records.feedback.add(feedback)
    elsewhere = DatasetStore(tmp_path / "elsewhere", str(tmp_path / "remote2"))
    version = built(elsewhere, request_of(tmp_path / "packed.zip", address))
    assert (version.digest, version.rows, version.quality) == (plain.digest, plain.rows, plain.quality)
    assert [source.digest for source in version.lineage.sources] == [source.digest for source in plain.lineage.sources]
    assert [source.uri for source in version.lineage.sources] == [f"{tmp_path}/packed.zip", address]


@pytest.mark.usefixtures("connected")
def test_feedback_of_megabytes_is_read(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)
    long = [Email(f"<{n}@x>", "x@y", f"long {n}", f"{n} " + "word " * 20_000, sent_at=NOW) for n in range(30)]
    feedback = tuple(Feedback(f"r{n}", "m", "ab"[n % 2], "anna", NOW, email) for n, email in enumerate(long))
    version = built(store, request_of(path), feedback)
    assert [source.rows for source in version.lineage.sources] == [30, 30]


@pytest.mark.usefixtures("connected")
def test_rows_that_cannot_be_used_are_kept_with_their_reason(store: DatasetStore, tmp_path: Path) -> None:
    path = write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15 + ["rare", ""])
    version = built(store, request_of(path))
    folder = store.checkout("mail", version.version, tmp_path / "out")
    quarantine = parquet.read_table(folder / "quarantine.parquet").select(["source", "reason"]).to_pylist()
    assert quarantine == [
        {"source": "m.jsonl#30", "reason": "only 1 mails are labelled 'rare', 6 are needed"},
        {"source": "m.jsonl#31", "reason": "no label"},
    ]


@pytest.mark.usefixtures("connected")
def test_sources_that_give_no_dataset_leave_no_version(store: DatasetStore, tmp_path: Path) -> None:
    one_class, unlabelled = write_mails(tmp_path / "one.jsonl", ["a"] * 30), write_mails(tmp_path / "none.jsonl", [""] * 5)
    broken = write_mails(tmp_path / "broken.jsonl", ["a", "b"] * 15)
    broken.write_text(broken.read_text() + "\n{no json\n")
    undated = write_mails(tmp_path / "undated.jsonl", ["a", "b"] * 15)
    for request, said in (
        (request_of(one_class), "one class: all 30 usable mails are labelled 'a'"),
        (request_of(unlabelled), "none of 5 mails can be used; most often: no label"),
        (request_of(broken), r"broken\.jsonl: row 30 is no JSON"),
        (request_of(undated, order="time"), "no mail has a date"),
        (request_of(undated, order="size"), "order 'size' is unknown"),
        (request_of(undated, holdout=1.5), "holdout is 1.5"),
        (request_of(undated, min_quality=0.95), "quality score is 0.90.*30 mails: no date"),
        (request_of(), "no source is given"),
        (request_of(tmp_path / "absent.csv"), "absent.csv does not exist"),
    ):
        with pytest.raises(DataError, match=said) as caught:
            built(store, request)
        assert caught.value.hint
    assert store.list("mail") == []
    assert not (tmp_path / "datasets" / "mail").exists()


@pytest.mark.usefixtures("connected")
def test_a_flipped_byte_in_a_checked_out_file_is_named(store: DatasetStore, tmp_path: Path) -> None:
    built(store, request_of(write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)))
    folder = store.checkout("mail", "latest", tmp_path / "out")
    content = bytearray((folder / "quality.json").read_bytes())
    content[10] ^= 1
    (folder / "quality.json").chmod(0o644)
    (folder / "quality.json").write_bytes(content)
    with pytest.raises(DataError, match=r"quality\.json is not as mail/v1\.0\.0 was committed"):
        read_dataset(folder)


@pytest.mark.usefixtures("disconnected")
def test_without_a_connected_ray_the_front_door_is_named(store: DatasetStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Ray is not connected"):
        built(store, request_of(write_mails(tmp_path / "m.jsonl", ["a", "b"] * 15)))
