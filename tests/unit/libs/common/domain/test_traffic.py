"""choose is sticky, only ever moves keys towards a growing candidate, and keeps its share; a lapsed lease means stable."""

import math
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import Traffic, TrafficSplit
from libs.common.domain.triage import Variant

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STABLE = ModelRef(name="m", version="1", digest="1" * 64, uri="models/1")

weights = st.floats(0, 1)
versions = st.text("0123456789.", min_size=1, max_size=6)


def candidate(version: str = "2") -> ModelRef:
    return ModelRef(name="m", version=version, digest="2" * 64, uri=f"models/{version}")


def split(weight: float, version: str = "2") -> TrafficSplit:
    return TrafficSplit(stable=STABLE, candidate=candidate(version), weight=weight)


@given(st.text(), weights, versions)
def test_the_same_key_is_answered_by_the_same_variant(key: str, weight: float, version: str) -> None:
    rebuilt = TrafficSplit.model_validate_json(split(weight, version).model_dump_json())
    assert split(weight, version).choose(key) is rebuilt.choose(key)


@given(st.text(), weights, weights)
def test_a_growing_weight_never_moves_a_key_back(key: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    if split(less).choose(key) is Variant.CANDIDATE:
        assert split(more).choose(key) is Variant.CANDIDATE


@given(st.text())
def test_none_and_all(key: str) -> None:
    assert split(0.0).choose(key) is Variant.STABLE
    assert split(1.0).choose(key) is Variant.CANDIDATE
    assert TrafficSplit(stable=STABLE, weight=1.0).choose(key) is Variant.STABLE


@settings(max_examples=20)
@given(weights, versions, st.text(max_size=8))
def test_the_candidate_gets_its_share(weight: float, version: str, salt: str) -> None:
    keys = 2000
    found = sum(split(weight, version).choose(f"{salt}{number}") is Variant.CANDIDATE for number in range(keys))
    # Six standard deviations: a fair hash fails this about once in 10⁸ examples.
    assert abs(found - weight * keys) <= 6 * math.sqrt(keys * weight * (1 - weight)) + 1


def test_another_candidate_gets_other_keys() -> None:
    both = [(split(0.5, "2").choose(str(key)), split(0.5, "3").choose(str(key))) for key in range(2000)]
    same = sum(one is other for one, other in both)
    assert 800 < same < 1200, "independent draws agree half of the time"


def live(**changed: object) -> Traffic:
    traffic = Traffic(model="m", stable=STABLE, candidate=candidate(), weight=0.25, mirror=True)
    return traffic.model_copy(update=changed)


@given(st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_past_its_lease_a_candidate_gets_nothing(since: timedelta) -> None:
    found = live(lease_expires_at=AT).at(AT + since)
    if since >= timedelta(0):
        assert found == TrafficSplit(stable=STABLE)
        assert found.choose("any") is Variant.STABLE
    else:
        assert found == TrafficSplit(stable=STABLE, candidate=candidate(), weight=0.25, mirror=True)


@given(st.datetimes(timezones=st.just(UTC)))
def test_traffic_without_a_lease_stays(now: datetime) -> None:
    assert live().at(now) == TrafficSplit(stable=STABLE, candidate=candidate(), weight=0.25, mirror=True)


def test_before_the_first_release_nobody_answers() -> None:
    assert Traffic(model="m").at(AT) == TrafficSplit(stable=None)
