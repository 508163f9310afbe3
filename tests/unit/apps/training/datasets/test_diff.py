"""Two snapshots compared: rows by their id, labels, splits, classes, columns, sources, quality; each change once."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.datasets.diff import Change, DatasetDiff, RowSet, diff_versions
from apps.training.datasets.snapshot import Snapshot
from libs.common.domain.dataset import Lineage, SourceRef
from libs.common.stats.drift import DriftScore, drift_score
from tests.unit.libs.common.domain.test_dataset import version

NONE = DriftScore(score=None, feature=None, count=0)
LABELS = st.dictionaries(st.text("0123", min_size=1, max_size=2), st.sampled_from("ab"), max_size=20)


def snapshot(minor: int, labels: dict[str, str], splits: dict[str, str] | None = None, **fields: Any) -> Snapshot:
    classes = {label: list(labels.values()).count(label) for label in sorted(set(labels.values()))}
    sources = tuple(SourceRef(uri=uri, digest=digest, rows=1) for uri, digest in fields.pop("sources", {}).items())
    lineage = Lineage(sources=sources, code_commit="", config_digest="")
    columns = fields.pop("columns", {"row_id": "string"})
    made = version(minor).model_copy(update={"rows": len(labels), "classes": classes, "lineage": lineage, **fields})
    return Snapshot(made, columns, labels, splits or dict.fromkeys(labels, "train"))


def test_each_kind_of_change_is_told() -> None:
    old = snapshot(
        0,
        {"1": "a", "2": "a", "3": "b", "4": "b"},
        {"1": "train", "2": "train", "3": "holdout", "4": "train"},
        columns={"row_id": "string", "fold": "int8", "gone": "string"},
        sources={"x": "1", "y": "1"},
    )
    new = snapshot(
        1,
        {"1": "a", "2": "b", "3": "b", "5": "c"},
        {"1": "holdout", "2": "train", "3": "train", "5": "train"},
        columns={"row_id": "string", "fold": "int16", "language": "string"},
        sources={"x": "2", "z": "1"},
    )
    diff = diff_versions(old, new, NONE)
    assert (diff.old, diff.new, diff.same_content, diff.rows) == ("mail/v1.0.0", "mail/v1.1.0", False, (4, 4))
    assert (diff.added, diff.removed) == (RowSet(count=1, examples=("5",)), RowSet(count=1, examples=("4",)))
    one = {row: RowSet(count=1, examples=(row,)) for row in "123"}
    assert diff.moved == {"holdout": {"train": one["3"]}, "train": {"holdout": one["1"]}}
    assert diff.relabelled == {"a": {"b": one["2"]}}
    assert {label: (each.old, each.new) for label, each in diff.classes.items()} == {"a": (2, 1), "b": (2, 2), "c": (0, 1)}
    assert diff.classes["a"].old_share == 0.5
    assert diff.columns == {
        "fold": Change(old="int8", new="int16"),
        "gone": Change(old="string", new=None),
        "language": Change(old=None, new="string"),
    }
    assert diff.sources == {"x": Change(old="1", new="2"), "y": Change(old="1", new=None), "z": Change(old=None, new="1")}
    assert DatasetDiff.model_validate_json(diff.model_dump_json()) == diff


def test_drift_is_that_of_the_features_with_the_old_version_as_reference() -> None:
    rng = np.random.default_rng(0)
    before = {"words": rng.normal(size=2000), "links": rng.normal(size=2000)}
    after = {"words": rng.normal(1, size=2000), "links": rng.normal(size=2000)}
    diff = diff_versions(snapshot(0, {}), snapshot(1, {}), drift_score(before, after, 0.001, 500))
    assert (diff.drift["words"].significant, diff.drift["links"].significant) == (True, False)
    assert diff.drift_score == pytest.approx(diff.drift["words"].distance)
    assert diff_versions(snapshot(0, {}), snapshot(1, {}), NONE).drift_score is None


def test_only_the_first_rows_are_named_and_all_are_counted() -> None:
    many = {f"{row:03}": "a" for row in range(50)}
    added = diff_versions(snapshot(0, {}), snapshot(1, many), NONE).added
    assert (added.count, added.examples) == (50, tuple(f"{row:03}" for row in range(10)))


@given(LABELS, LABELS)
def test_every_row_is_added_removed_relabelled_or_the_same(old: dict[str, str], new: dict[str, str]) -> None:
    diff = diff_versions(snapshot(0, old), snapshot(1, new), NONE)
    relabelled = sum(rows.count for to in diff.relabelled.values() for rows in to.values())
    same = sum(old[row] == new[row] for row in old.keys() & new.keys())
    assert len(old) - diff.removed.count == len(new) - diff.added.count == same + relabelled
    assert diff_versions(snapshot(0, old), snapshot(0, old), NONE).same_content
