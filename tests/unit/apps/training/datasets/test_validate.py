"""What is set aside, why, and what the report says of it."""

from dataclasses import replace
from datetime import UTC, datetime

from apps.training.datasets.flaws import FLAWS
from apps.training.datasets.validate import DUPLICATE, Candidate, quality_report, reasons_to_set_aside
from libs.common.domain.dataset import Finding

EARLY, LATE = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


def row(position: int, label: str = "a", content: int | None = None, sent_at: datetime | None = LATE) -> Candidate:
    digest = f"{position if content is None else content:064x}"
    return Candidate(position, digest, label, f"m{position}", f"m{position}", "s", 10, sent_at, origin=f"row {position}")


def test_rows_that_fit_are_kept() -> None:
    assert reasons_to_set_aside([row(1), row(2)], 1) == {}
    assert reasons_to_set_aside([], 1) == {}


def test_rows_off_the_schema_are_named_by_what_is_wrong() -> None:
    rows = [row(1), row(2, label=""), row(3, label="x" * 65), replace(row(4), text_chars=0), replace(row(5), reason="unread")]
    reasons = reasons_to_set_aside([*rows, replace(row(6), row_id="short"), row(7, label="a\nb")], 1)
    assert sorted(reasons) == [2, 3, 4, 5, 6, 7]
    assert "label" in reasons[2] and "label" in reasons[3] and "label" in reasons[7]
    assert (reasons[5], reasons[4]) == ("unread", "neither subject nor text is left after cleaning")
    assert "SHA-256" in reasons[6]


def test_of_the_same_content_the_earliest_is_kept_wherever_it_stands() -> None:
    rows = [row(1, content=9), row(2, content=9, sent_at=EARLY), row(3, content=9, sent_at=None)]
    expected = {1: DUPLICATE, 3: DUPLICATE}
    assert reasons_to_set_aside(rows, 1) == reasons_to_set_aside(rows[::-1], 1) == expected


def test_content_under_two_labels_is_no_teacher_unless_a_person_decided() -> None:
    rows = [row(1, "a", content=9), row(2, "b", content=9, sent_at=EARLY)]
    assert set(reasons_to_set_aside(rows, 1).values()) == {"the same content is labelled a and b"}
    corrected = [rows[1], replace(rows[0], corrected=True)]
    assert reasons_to_set_aside(corrected, 1) == {2: DUPLICATE}


def test_a_class_too_rare_to_split_is_set_aside_counted_without_its_duplicates() -> None:
    rows = [row(1), row(2), row(3), row(4, "b"), row(5, "b", content=4)]
    reasons = reasons_to_set_aside(rows, 2)
    assert reasons == {5: DUPLICATE, 4: "only 1 mails are labelled 'b', 2 are needed"}


def test_the_report_counts_every_row_once_and_scores_what_was_kept() -> None:
    rows = [replace(row(1), flaws=FLAWS[: len(FLAWS) // 2], sent_at=None), row(2), row(3, content=2), row(4, label="")]
    reasons = reasons_to_set_aside(rows, 1)
    kept = [each for each in rows if each.position not in reasons]
    planted = Finding(kind="planted", said="something")
    report = quality_report(rows, kept, reasons, [planted])
    assert (report.rows_read, report.rows_kept, report.duplicates, sum(report.quarantined.values())) == (4, 2, 1, 1)
    assert report.score == 0.5  # mean quality .75 of the kept, 2 of 3 distinct rows kept
    assert report.flaws == dict.fromkeys(sorted(FLAWS[: len(FLAWS) // 2]), 1)
    kinds = {finding.kind: finding for finding in report.findings}
    assert kinds["planted"] == planted
    assert (kinds["undated"].count, kinds["undated"].rows) == (1, ("row 1",))
    assert "'a' has 2 mails" in kinds["small class"].said
    assert quality_report([], [], {}).score == 0
