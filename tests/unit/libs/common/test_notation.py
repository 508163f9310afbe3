"""The notations of the specification, each as it is written there, and nothing that only looks like one."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.notation import Condition, format_duration, parse_condition, parse_duration, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", timedelta(seconds=30)),
        ("2m", timedelta(minutes=2)),
        ("15 minutes", timedelta(minutes=15)),
        ("1 hour", timedelta(hours=1)),
        ("< 30 seconds", timedelta(seconds=30)),
        ("30 days", timedelta(days=30)),
        ("3 years", timedelta(days=3 * 365)),
        ("0.5h", timedelta(minutes=30)),
        ("100ms", timedelta(milliseconds=100)),
        ("daily", timedelta(days=1)),
        ("weekly", timedelta(days=7)),
        ("monthly", timedelta(days=30)),
        ("hourly", timedelta(hours=1)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("written", ["500ms", "90s", "2m", "1h", "30d", "0ms"])
def test_a_duration_is_written_the_short_way(written: str) -> None:
    assert format_duration(parse_duration(written)) == written


@given(st.integers(0, 10**10))
def test_a_written_duration_reads_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize("text", ["", "5", "m", "-2m", "2 fortnights", "2m3s", "1.5.2h", "fortnightly", "5%"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("4GB", 4_000_000_000), ("4GiB", 4 << 30), ("512 MB", 512_000_000), ("1.5KB", 1500), ("7B", 7)]
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize("text", ["", "4", "4gb", "GB", "-4GB", "4 minutes"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size; write"):
        parse_size(text)


@pytest.mark.parametrize(("text", "expected"), [("5%", 0.05), ("100%", 1), ("0%", 0), (0.25, 0.25), ("0.25", 0.25), (1, 1)])
def test_shares(text: str | float, expected: float) -> None:
    assert parse_share(text) == expected


@pytest.mark.parametrize("text", ["101%", "-1%", 1.01, -0.1, "nan", "many"])
def test_what_is_no_share(text: str | float) -> None:
    with pytest.raises(ValueError):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy < 0.92 for 15 minutes", Condition("accuracy", "<", 0.92, "", timedelta(minutes=15))),
        ("p95_latency > 500ms for 5 minutes", Condition("p95_latency", ">", 500, "ms", timedelta(minutes=5))),
        ("error_rate > 5%", Condition("error_rate", ">", 5, "%")),
        ("drift_score >= 0.1 for 1 hour", Condition("drift_score", ">=", 0.1, "", timedelta(hours=1))),
        (" queue_depth<=10 ", Condition("queue_depth", "<=", 10)),
    ],
)
def test_conditions(text: str, expected: Condition) -> None:
    assert parse_condition(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "accuracy = 0.9", "accuracy < high", "0.9 < accuracy", "accuracy < 0.92 for ever", "a < 1 and b < 2"],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=r"write e\.g\."):
        parse_condition(text)


@given(
    st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.integers(0, 99_999),
    st.sampled_from(["", "ms", "s", "%"]),
    st.integers(0, 99_999).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_a_condition_reads_back_what_it_prints(metric: str, comparison: str, limit: int, unit: str, hold: timedelta) -> None:
    condition = Condition(metric, comparison, limit, unit, hold)
    assert parse_condition(str(condition)) == condition


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_a_limit_is_met_on_exactly_one_side(value: float, limit: float) -> None:
    found = {name: Condition("m", name, limit).holds(value) for name in ("<", "<=", ">", ">=")}
    assert found["<"] != found[">="]
    assert found[">"] != found["<="]
    assert found["<="] == (found["<"] or value == limit)


@given(st.text())
def test_any_other_text_is_a_value_error_and_nothing_else(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_share, parse_condition):
        try:
            parse(text)
        except ValueError as error:
            assert str(error)
