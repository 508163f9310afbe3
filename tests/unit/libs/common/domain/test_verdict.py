"""worst: too little evidence never hides behind a pass, and a failure is never hidden at all."""

from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.verdict import Verdict, worst

ORDER = [Verdict.FAIL, Verdict.INSUFFICIENT_DATA, Verdict.INCONCLUSIVE, Verdict.PASS]
verdicts = st.lists(st.sampled_from(Verdict))


def test_nothing_compared_is_insufficient_data() -> None:
    assert worst([]) is Verdict.INSUFFICIENT_DATA


def test_the_order_is_complete() -> None:
    assert set(ORDER) == set(Verdict)
    for place, verdict in enumerate(ORDER):
        assert all(worst([verdict, better]) is verdict for better in ORDER[place:])


@given(verdicts)
def test_a_pass_needs_nothing_but_passes(found: list[Verdict]) -> None:
    assert (worst(found) is Verdict.PASS) == (bool(found) and set(found) == {Verdict.PASS})


@given(verdicts, verdicts)
def test_parts_can_be_judged_apart(one: list[Verdict], other: list[Verdict]) -> None:
    if one and other:
        assert worst([worst(one), worst(other)]) is worst([*one, *other])
    assert worst(iter(one)) is worst(one)
