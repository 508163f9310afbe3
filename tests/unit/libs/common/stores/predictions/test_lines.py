"""A line of the prediction log holds the allow-listed fields and nothing else, whatever the event."""

import dataclasses
import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Escalated, Mirror, Outcome, PredictionEvent, PredictionSample, Variant
from libs.common.errors import StoreError
from libs.common.stores.predictions.lines import EventEncoder, decode, moment_of

ALLOWED = {
    "at",
    "request_id",
    "model",
    "version",
    "variant",
    "outcome",
    "candidate_weight",
    "latency_ms",
    "label",
    "confidence",
    "features",
    "mirror_label",
    "traffic_bucket",
    "escalation",
    "mirror",
}
NUMBERS = {"candidate_weight", "latency_ms", "confidence"}

names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
shares = st.floats(0, 1)
events = st.builds(
    PredictionEvent,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    request_id=names,
    model=names,
    version=names,
    variant=st.sampled_from(Variant),
    outcome=st.sampled_from(Outcome),
    candidate_weight=shares,
    latency_ms=st.floats(0, 1e6),
    label=names,
    confidence=shares,
    features=st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False), max_size=8),
    mirror_label=st.none() | names,
    traffic_bucket=st.none() | st.integers(0, 2**32 - 1),
    escalation=st.sampled_from(Escalated),
    mirror=st.sampled_from(Mirror),
)

samples = st.builds(
    PredictionSample,
    at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    request_id=names,
    model=names,
    version=names,
    variant=st.sampled_from(Variant),
    outcome=st.sampled_from(Outcome),
    latency_ms=st.floats(0, 1e6),
    label=names,
    probabilities=st.dictionaries(names, shares, max_size=6),
    escalation=st.sampled_from(Escalated),
    cached=st.booleans(),
    input_hash=st.from_regex(r"([0-9a-f]{64})?", fullmatch=True),
)


@given(samples)
def test_a_sample_is_written_with_its_own_fields_and_no_others(sample: PredictionSample) -> None:
    line = EventEncoder().encode(sample)
    written = json.loads(line)
    assert moment_of(line) == sample.at
    assert written == dataclasses.asdict(sample) | {"at": written["at"]}
    assert decode(line) is None, "it can never be taken for an event"


@dataclasses.dataclass(frozen=True)
class LeakySample(PredictionSample):
    """What a sample would be if somebody added content to it."""

    subject: str = "the secret plan"


@given(samples)
def test_a_field_of_a_sample_that_is_not_on_the_list_never_gets_out(sample: PredictionSample) -> None:
    fields = {field.name: getattr(sample, field.name) for field in dataclasses.fields(sample)}
    assert EventEncoder().encode(LeakySample(**fields)) == EventEncoder().encode(sample)


def test_the_allow_list_is_the_event_of_the_domain() -> None:
    assert {field.name for field in dataclasses.fields(PredictionEvent)} == ALLOWED


@given(events)
def test_a_line_comes_back_as_the_event(event: PredictionEvent) -> None:
    line = EventEncoder().encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event


@given(events)
def test_a_line_holds_numbers_and_ids_only(event: PredictionEvent) -> None:
    written = json.loads(EventEncoder().encode(event))
    assert set(written) == ALLOWED
    assert all(isinstance(written[name], float) for name in NUMBERS)
    assert all(isinstance(value, float) for value in written["features"].values())
    ids = {event.request_id, event.model, event.version, event.label, event.mirror_label, event.variant, event.outcome}
    ids |= {event.escalation, event.mirror}
    assert {written[name] for name in ALLOWED - NUMBERS - {"features", "at", "traffic_bucket"}} <= ids
    assert isinstance(written["traffic_bucket"], int | None)


@given(events)
def test_a_line_of_before_there_were_two_stages_is_read(event: PredictionEvent) -> None:
    written = json.loads(EventEncoder().encode(event))
    del written["escalation"], written["mirror"]
    plain = dataclasses.replace(event, escalation=Escalated.NONE, mirror=Mirror.NONE)
    assert decode(json.dumps(written).encode()) == plain


@dataclasses.dataclass(frozen=True)
class Leaky(PredictionEvent):
    """What an event would be if somebody added content to it."""

    subject: str = "the secret plan"


@given(events)
def test_a_field_that_is_not_on_the_list_never_gets_out(event: PredictionEvent) -> None:
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    leaky = Leaky(**fields)
    assert EventEncoder().encode(leaky) == EventEncoder().encode(event)


@given(st.text(min_size=1).filter(lambda text: not text.replace("_", "a").replace(".", "a").isalnum()))
def test_a_feature_name_that_may_be_content_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="takes no feature named"):
        EventEncoder().encode(event_with({"ok": 1.0, name: 1.0}))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_feature_that_is_no_finite_number_is_left_out(value: float) -> None:
    found = decode(EventEncoder().encode(event_with({"good": 1.0, "bad": value})))
    assert found is not None
    assert found.features == {"good": 1.0}


def test_numbers_of_other_libraries_are_written_as_plain_ones() -> None:
    from numpy import float32, float64

    found = decode(EventEncoder().encode(event_with({"a": float64(0.5), "b": float32(2)})))  # pyright: ignore
    assert found is not None
    assert found.features == {"a": 0.5, "b": 2.0}


@given(events, st.data())
def test_a_torn_line_is_no_event(event: PredictionEvent, draw: st.DataObject) -> None:
    line = EventEncoder().encode(event).rstrip()
    assert decode(line[: draw.draw(st.integers(0, len(line) - 1))]) is None


@pytest.mark.parametrize("line", [b"", b"[]", b"7", b"null", b"{}", b'{"at": 1}', b"\x00\x00\xff", b'{"at": "yesterday"}'])
def test_a_foreign_line_is_no_event(line: bytes) -> None:
    assert decode(line) is None


def event_with(features: dict[str, float]) -> PredictionEvent:
    return PredictionEvent(
        at=datetime(2026, 3, 1, tzinfo=UTC),
        request_id="r1",
        model="email_classifier",
        version="1",
        variant=Variant.STABLE,
        outcome=Outcome.OK,
        candidate_weight=0.0,
        latency_ms=1.5,
        label="spam",
        confidence=0.9,
        features=features,
    )
