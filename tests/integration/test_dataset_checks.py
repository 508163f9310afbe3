"""Planted leaks and defects are found in a real build, all of them, with their rows; a clean corpus raises none."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from apps.training.datasets import leaks
from apps.training.datasets.build import BuildRequest, build_dataset
from apps.training.datasets.flaws import BOILERPLATE, CONTESTED, NEAR_DUPLICATE
from apps.training.datasets.reference import DRIFT
from apps.training.provenance import Stamp
from libs.common.domain.dataset import DatasetVersion, Finding
from libs.common.stores.datasets import DatasetStore

pytestmark = [
    pytest.mark.usefixtures("connected"),
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::PendingDeprecationWarning"
    ),
]

NOW = datetime(2025, 1, 15, tzinfo=UTC)
LEAKS = {leaks.THREAD, leaks.CAMPAIGN, leaks.TOKEN, leaks.MARKER, leaks.SOURCE, CONTESTED, DRIFT}
WORDS = [f"word{number}" for number in range(600)]


def built(store: DatasetStore, *sources: object) -> DatasetVersion:
    request = BuildRequest(name="mail", sources=tuple(map(str, sources)))
    return build_dataset(request, store, Stamp(NOW, "abc", "def"))


def found(version: DatasetVersion) -> dict[str, Finding]:
    return {finding.kind: finding for finding in version.quality.findings if finding.kind in LEAKS}


def text(seed: int, words: int = 80) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def written(path: Path, mails: list[tuple[str, str]]) -> Path:
    """(label, body) pairs as JSON lines, dated."""
    rows = [
        {"subject": f"about {n}", "body": body, "label": label, "sent_at": f"2025-01-{n % 28 + 1:02d}T10:00:00Z"}
        for n, (label, body) in enumerate(mails)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def plain(count: int, first: int = 0) -> list[tuple[str, str]]:
    return [("ab"[n % 2], text(first + n)) for n in range(count)]


@pytest.fixture(scope="module")
def three(connected: str, tmp_path_factory: pytest.TempPathFactory) -> list[DatasetVersion]:
    """Two versions of clean mail, and one of which a fifth has drifted."""
    home = tmp_path_factory.mktemp("three")
    store = DatasetStore(home / "datasets", str(home / "remote"))
    return [built(store, f"synthetic://?n=2000&seed={rest}") for rest in ("5", "6", "7&drift=0.2")]


def test_a_clean_corpus_raises_nothing(three: list[DatasetVersion]) -> None:
    assert [found(version) for version in three[:2]] == [{}, {}]


def test_a_word_that_names_a_label_is_found_with_every_row_that_holds_it(store: DatasetStore, tmp_path: Path) -> None:
    mails = [
        (label, f"{body} ticketqueue7") if label == "a" and n % 20 else (label, body)
        for n, (label, body) in enumerate(plain(160))
    ]
    token = found(built(store, written(tmp_path / "m.jsonl", mails)))[leaks.TOKEN]
    assert "'ticketqueue7' almost names the label 'a'" in token.said
    holders = [f"m.jsonl#{n}" for n, (_, body) in enumerate(mails) if "ticketqueue7" in body]
    assert (token.count, set(token.rows)) == (len(holders), set(holders[: leaks.NAMED]))


def test_a_marker_of_a_source_is_found_with_its_rows(store: DatasetStore, tmp_path: Path) -> None:
    marked = written(tmp_path / "marked.jsonl", [(label, f"{body} archivefooter9") for label, body in plain(60, 1000)])
    version = built(store, marked, written(tmp_path / "other.jsonl", plain(60)))
    marker = found(version)[leaks.MARKER]
    assert "archivefooter9" in marker.said and "marked.jsonl" in marker.said
    assert set(marker.rows) == {f"marked.jsonl#{n}" for n in range(60)}


def test_sources_of_another_vocabulary_are_telling(store: DatasetStore, tmp_path: Path) -> None:
    foreign = [(label, body.replace("word", "wort")) for label, body in plain(60, 1000)]
    version = built(store, written(tmp_path / "foreign.jsonl", foreign), written(tmp_path / "other.jsonl", plain(60)))
    assert found(version)[leaks.SOURCE].count == 120


def test_a_campaign_stays_in_one_part_and_its_contested_labels_are_named(store: DatasetStore, tmp_path: Path) -> None:
    campaign = [("a" if n else "b", f"{text(5000)} number{n}") for n in range(12)]
    version = built(store, written(tmp_path / "m.jsonl", [*plain(120), *campaign]))
    table = parquet.read_table(store.checkout("mail", version.version, tmp_path / "out") / "emails.parquet")
    rows = {row["source"]: row for row in table.select(["source", "split", "fold", "flaws"]).to_pylist()}
    members = [rows[f"m.jsonl#{n}"] for n in range(120, 132)]
    assert len({(row["split"], row["fold"]) for row in members}) == 1
    assert sum(NEAR_DUPLICATE in row["flaws"] for row in members) == 11
    contested = found(version)[CONTESTED]
    assert set(contested.rows) == {f"m.jsonl#{n}" for n in range(120, 132)}
    assert version.quality.flaws == {NEAR_DUPLICATE: 11, CONTESTED: 12}
    assert leaks.CAMPAIGN not in found(version)


def test_mails_that_are_mostly_a_form_are_boilerplate(store: DatasetStore, tmp_path: Path) -> None:
    form = "\n".join(f"{text(9000 + line, 6)} of the form" for line in range(4))
    forms = [("ab"[n % 2], f"{text(7000 + n, 40)}\n{form}") for n in range(15)]
    version = built(store, written(tmp_path / "m.jsonl", [*plain(100), *forms]))
    assert version.quality.flaws == {BOILERPLATE: 15}


def test_a_fifth_of_drift_is_found_with_rows_and_no_drift_is_not(three: list[DatasetVersion]) -> None:
    _, steady, drifted = three
    assert DRIFT not in found(steady)
    assert "mail/v1.1.0" in found(drifted)[DRIFT].said
    assert found(drifted)[DRIFT].rows
    assert {"report.html", "drift.html"} <= drifted.files.keys()


def test_rows_off_the_schema_are_set_aside_with_the_reason(store: DatasetStore, tmp_path: Path) -> None:
    broken = [("", text(1)), ("x" * 65, text(2)), ("a\x07b", text(3))]
    version = built(store, written(tmp_path / "m.jsonl", [*plain(60), *broken]))
    folder = store.checkout("mail", version.version, tmp_path / "out")
    aside = parquet.read_table(folder / "quarantine.parquet").select(["source", "reason"]).to_pylist()
    assert {row["source"] for row in aside} == {"m.jsonl#60", "m.jsonl#61", "m.jsonl#62"}
    assert all("label" in row["reason"] for row in aside)


@pytest.mark.corpus
def test_every_message_of_a_real_corpus_is_accounted_for(store: DatasetStore, corpora: Path, tmp_path: Path) -> None:
    version = built(store, corpora / "spamassassin.parquet")
    folder = store.checkout("mail", version.version, tmp_path / "out")
    tables = [parquet.read_table(folder / name, columns=["source"]) for name in ("emails.parquet", "quarantine.parquet")]
    names = Counter(name for table in tables for name in table.column("source").to_pylist())
    assert names == Counter(f"spamassassin.parquet#{n}" for n in range(6046))
    reasons = parquet.read_table(folder / "quarantine.parquet", columns=["reason"]).column("reason").to_pylist()
    assert all(reasons)
    page = (folder / "report.html").read_text()
    assert "<svg" in page and "near-duplicate" in page and "class sizes" in page
