"""A comparison as people read it: one row for each thing that changed."""

from apps.console.differences import difference_rows
from apps.training.datasets.diff import Change, ClassChange, DatasetDiff, FeatureDrift, RowSet

DIGEST = "0123456789abcdef" * 4


def test_every_change_has_its_row() -> None:
    diff = DatasetDiff(
        old="mail/v1.0.0",
        new="mail/v1.1.0",
        same_content=False,
        columns={"fold": Change(old="int8", new="int16")},
        rows=(10, 13),
        added=RowSet(count=4, examples=("a" * 64, "b" * 64)),
        removed=RowSet(count=1, examples=("c" * 64,)),
        moved={"train": {"holdout": RowSet(count=2, examples=("d",))}},
        relabelled={"spam": {"ham": RowSet(count=1, examples=("e",))}},
        classes={"ham": ClassChange(old=5, new=8, old_share=0.5, new_share=0.6154)},
        sources={"x.csv": Change(old=DIGEST, new=None), "y.csv": Change(old=None, new=DIGEST)},
        quality=(0.9, 0.85),
        drift={"links": FeatureDrift(distance=0.02, significant=False), "words": FeatureDrift(distance=0.3, significant=True)},
        drift_score=0.3,
    )
    assert difference_rows(diff) == [
        ("e-mails", "10", "13", ""),
        ("added", "", "4", f"{'a' * 12} {'b' * 12} …"),
        ("removed", "1", "", "c" * 12),
        ("moved", "train", "holdout", "2 e-mails: d …"),
        ("relabelled", "spam", "ham", "1 e-mails: e"),
        ("quality", "0.90", "0.85", ""),
        ("class ham", "5 (50.0%)", "8 (61.5%)", "+3"),
        ("column fold", "int8", "int16", "changed"),
        ("source x.csv", "0123456789ab…", "", "removed"),
        ("source y.csv", "", "0123456789ab…", "added"),
        ("drift", "", "", "D = 0.300"),
        ("drift of words", "", "", "D = 0.300, significant"),
        ("drift of links", "", "", "D = 0.020"),
    ]
