"""The chain: any change, removal or reordering is found, and the record named; a cut-off end by the head kept apart."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.audit import GENESIS, Actor, AuditEvent, AuditHead, Role, faults_at, faults_in, link

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
entries = st.tuples(
    st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.builds(Actor, name=st.text(max_size=10), role=st.sampled_from(Role)),
    st.text(max_size=10),
    st.text(max_size=10),
    st.dictionaries(st.text(max_size=5), json_values, max_size=3),
)


def chain_of(entries: list[tuple[Any, ...]]) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for at, actor, action, subject, details in entries:
        events.append(link(events[-1] if events else None, at, actor, action, subject, details))
    return events


chains = st.lists(entries, min_size=1, max_size=5).map(chain_of)


def named(faults: list[str]) -> set[int]:
    return {int(fault.split(" ")[1]) for fault in faults}


def different(event: AuditEvent, field: str) -> Any:
    """Another value of the same type."""
    value = getattr(event, field)
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, Actor):
        return Actor(name=value.name + "x", role=value.role)
    if isinstance(value, dict):
        return {**value, "added": True}
    if field in ("previous", "digest"):
        return ("0" if value[0] != "0" else "1") + value[1:]
    return value + "x"


@given(chains)
def test_a_chain_is_whole_also_after_a_round_trip(chain: list[AuditEvent]) -> None:
    assert faults_in(chain) == []
    assert faults_in([AuditEvent.model_validate_json(event.model_dump_json()) for event in chain]) == []
    assert [event.seq for event in chain] == list(range(1, len(chain) + 1))
    assert chain[0].previous == GENESIS


@given(chains, st.sampled_from(["at", "actor", "action", "subject", "details", "previous", "digest"]), st.data())
def test_any_changed_field_names_its_record(chain: list[AuditEvent], field: str, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(chain) - 1))
    event = chain[place]
    changed = [*chain]
    changed[place] = event.model_copy(update={field: different(event, field)})
    assert event.seq in named(faults_in(changed))


@given(chains, st.data())
def test_a_changed_role_names_its_record(chain: list[AuditEvent], draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(chain) - 1))
    actor = chain[place].actor
    other = draw.draw(st.sampled_from([role for role in Role if role is not actor.role]))
    chain[place] = chain[place].model_copy(update={"actor": Actor(name=actor.name, role=other)})
    assert named(faults_in(chain)) == {place + 1}


@given(chains, entries, st.data())
def test_a_rewritten_record_with_a_right_digest_is_found_at_the_next(
    chain: list[AuditEvent], entry: Any, draw: st.DataObject
) -> None:
    place = draw.draw(st.integers(0, len(chain) - 1))
    forged = link(chain[place - 1] if place else None, *entry)
    if forged.digest == chain[place].digest:
        return
    rewritten = [*chain[:place], forged, *chain[place + 1 :]]
    if place + 1 < len(chain):
        assert named(faults_in(rewritten)) == {place + 2}
    assert faults_at(AuditHead(seq=place + 1, digest=chain[place].digest), rewritten[-1], forged) != []


@given(chains, st.data())
def test_a_removed_record_is_named(chain: list[AuditEvent], draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(chain) - 1))
    rest = chain[:place] + chain[place + 1 :]
    faults = faults_in(rest)
    if place < len(rest):
        assert any(fault.startswith(f"record {place + 1} is missing") for fault in faults)
    else:
        last = rest[-1] if rest else None
        assert faults_at(AuditHead(seq=chain[-1].seq, digest=chain[-1].digest), last, None) == [
            f"record {len(chain)} is missing at the end"
        ]


@given(chains, st.data())
def test_reordered_records_are_named(chain: list[AuditEvent], draw: st.DataObject) -> None:
    order = draw.draw(st.permutations(chain))
    moved = [event.seq for event, original in zip(order, chain, strict=True) if event is not original]
    faults = named(faults_in(order))
    assert bool(faults) == bool(moved)
    assert not moved or faults & set(moved)


@given(chains, st.integers(0, 4))
def test_every_earlier_head_is_satisfied_by_the_whole_chain(chain: list[AuditEvent], back: int) -> None:
    noted = chain[max(0, len(chain) - 1 - back)]
    assert faults_at(AuditHead(seq=noted.seq, digest=noted.digest), chain[-1], noted) == []
    assert faults_at(AuditHead(), chain[-1], None) == []


def test_a_cut_off_end_is_named_by_its_range() -> None:
    chain = chain_of([(AT, Actor(name="a", role=Role.SYSTEM), "act", "x", {})] * 5)
    head = AuditHead(seq=5, digest=chain[-1].digest)
    assert faults_at(head, chain[1], None) == ["records 3..5 are missing at the end"]
    assert faults_at(head, None, None) == ["records 1..5 are missing at the end"]


def test_the_digest_does_not_depend_on_zone_or_key_order() -> None:
    actor = Actor(name="a", role=Role.SYSTEM)
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    one = link(None, AT, actor, "act", "x", {"a": 1, "b": 2})
    assert one.digest == link(None, there, actor, "act", "x", {"b": 2, "a": 1}).digest
