"""Which versions may go is a judgment over their order and over what stands on them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.dataset import DatasetVersion, Lineage, QualityReport, surplus
from libs.common.errors import DataError


def version(minor: int) -> DatasetVersion:
    """Version 1.``minor``.0 of the dataset ``mail``."""
    return DatasetVersion(
        name="mail",
        version=f"1.{minor}.0",
        digest=f"{minor:064}",
        rows=1,
        classes={},
        splits={},
        files={},
        lineage=Lineage(sources=(), code_commit="", config_digest=""),
        quality=QualityReport(rows_read=1, rows_kept=1, quarantined={}, duplicates=0, score=1.0),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@given(st.integers(0, 12), st.integers(1, 14), st.sets(st.integers(0, 12)))
def test_the_newest_and_those_in_use_stay_and_the_others_go(count: int, keep: int, used: set[int]) -> None:
    versions = [version(minor) for minor in range(count)]
    gone = surplus(versions, keep, {f"mail/v1.{minor}.0" for minor in used})
    assert [one.tag for one in gone] == [f"mail/v1.{minor}.0" for minor in range(count - keep) if minor not in used]


def test_the_latest_version_always_stays() -> None:
    with pytest.raises(DataError, match="--keep is 0"):
        surplus([version(0)], 0, set())
