"""A mirrored request has one or two lines, in any order, and is one event."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.triage import Mirror, PredictionEvent
from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, ship_segments
from libs.common.stores.predictions.mirrors import settled
from tests.unit.libs.common.stores.predictions.events import AT, EVER, MODEL, event


def awaited(number: int) -> PredictionEvent:
    return replace(event(number, AT + timedelta(seconds=number)), mirror=Mirror.AWAITED)


def answered(number: int) -> PredictionEvent:
    return replace(awaited(number), mirror=Mirror.ANSWERED, mirror_label="work")


kinds = st.lists(st.sampled_from(["plain", "unanswered", "answered", "first lost"]), max_size=12)


@given(kinds, st.randoms(use_true_random=False))
def test_every_request_is_one_event_with_the_answer_that_came(kinds: list[str], order: Random) -> None:
    lines: list[PredictionEvent] = []
    for number, kind in enumerate(kinds):
        lines += {
            "plain": [event(number)],
            "unanswered": [awaited(number)],
            "answered": [awaited(number), answered(number)],
            "first lost": [answered(number)],
        }[kind]
    order.shuffle(lines)
    found = {each.request_id: each.mirror_label for each in settled(lines)}
    expected = {f"r{n}": "work" if kind in ("answered", "first lost") else None for n, kind in enumerate(kinds)}
    assert found == expected
    assert len(list(settled(lines))) == len(kinds)


def test_an_id_that_a_caller_uses_twice_stays_two_events() -> None:
    second = replace(awaited(1), at=AT + timedelta(minutes=1))
    assert len(list(settled([awaited(1), second, answered(1)]))) == 2


def test_the_answer_is_found_in_another_segment(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "node", "r1", max_age=timedelta(seconds=3))
    for line in (awaited(0), awaited(2), awaited(4), answered(2), answered(4), awaited(7), answered(0)):
        writer.append(line)
    writer.close()
    objects = LocalObjects(tmp_path / "objects")
    assert len(ship_segments(tmp_path / "node", objects)) > 2
    found = list(PredictionLog(objects).events(MODEL, *EVER))
    expected = {("r0", "work"), ("r2", "work"), ("r4", "work"), ("r7", None)}
    assert {(each.request_id, each.mirror_label) for each in found} == expected
    assert len(found) == 4
    window = PredictionLog(objects).events(MODEL, AT + timedelta(seconds=2), AT + timedelta(seconds=3))
    assert [(each.request_id, each.mirror_label) for each in window] == [("r2", "work")]
