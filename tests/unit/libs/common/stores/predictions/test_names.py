"""Where a segment's key lies, and that a reader of any window looks there."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.stores.predictions.names import (
    LONGEST,
    Span,
    closed_name,
    milliseconds,
    prefixes,
    replica_part,
    segment_key,
    span_of,
)

moments = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
lengths = st.timedeltas(timedelta(milliseconds=1), timedelta(days=5))


def test_the_key_names_model_hour_range_and_replica() -> None:
    start = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    span = Span(milliseconds(start), milliseconds(start + timedelta(seconds=2)))
    name = closed_name(span, f"{replica_part('app#slot/x')}-a1b2c3-000007.open")
    expected = "predictions/m/20260301/23/1772409599000-1772409601000-app_slot_x-a1b2c3-000007.jsonl"
    assert segment_key("m", name, span) == expected
    assert span_of(expected) == span


def test_any_other_name_has_no_span() -> None:
    assert [span_of(name) for name in ("a.jsonl", "1-2-r-0.jsonl", "r-a1b2c3-000007.open", "")] == [None] * 4


@given(moments, lengths, moments, st.timedeltas(timedelta(0), LONGEST))
def test_every_segment_that_overlaps_a_window_has_one_of_its_prefixes(
    start: datetime, length: timedelta, first: datetime, held: timedelta
) -> None:
    # Move the segment near the window, so that overlaps are common.
    first = start + (first - start) % (length + 4 * LONGEST) - 2 * LONGEST
    span = Span(milliseconds(first), milliseconds(first + held))
    key = segment_key("m", closed_name(span, "r-0.open"), span)
    if span.overlaps(start, start + length):
        assert sum(key.startswith(prefix) for prefix in prefixes("m", start, start + length)) == 1


@given(moments, moments, st.timedeltas(timedelta(0), LONGEST), lengths)
def test_an_event_in_the_window_means_that_its_segment_overlaps(
    at: datetime, start: datetime, held: timedelta, length: timedelta
) -> None:
    start = at - (at - start) % length
    assert start <= at < start + length
    assert Span(milliseconds(at), milliseconds(at + held)).overlaps(start, start + length)
    assert Span(milliseconds(at - held), milliseconds(at)).overlaps(start, start + length)
