"""From state to state: whoever comes late, or speaks for an older attempt, changes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.domain.batch import (
    NOT_TAKEN_WITHIN,
    Batch,
    BatchOrder,
    BatchState,
    Headway,
    Work,
    begin,
    cancel,
    finish,
    proceed,
    resume,
    settle,
)

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FINAL = (BatchState.SUCCEEDED, BatchState.CANCELLED)


def batch(state: BatchState = BatchState.QUEUED, **more: Any) -> Batch:
    ended = {} if state in (BatchState.QUEUED, BatchState.RUNNING, BatchState.CANCELLING) else {"ended_at": NOW}
    made = Batch(id="b", owner="ann", order=BatchOrder(source="/m.mbox"), created_at=NOW, attempted_at=NOW)
    return made.model_copy(update={"state": state, **ended, **more})


def test_the_straight_way() -> None:
    begun = begin(batch(), 1, "7", NOW)
    assert (begun.state, begun.version, begun.started_at) == (BatchState.RUNNING, "7", NOW)
    told = proceed(begun, 1, Headway(parts=2, parts_done=1, mails=20, mails_done=10))
    assert told.headway.mails_done == 10
    done = finish(told, 1, "", NOW + timedelta(hours=1))
    assert (done.state, done.ended_at, done.message) == (BatchState.SUCCEEDED, NOW + timedelta(hours=1), "")


def test_a_fault_is_kept_and_another_attempt_begins_anew_with_the_version_of_the_first() -> None:
    failed = finish(begin(batch(), 1, "7", NOW), 1, "no e-mail", NOW)
    assert (failed.state, failed.message) == (BatchState.FAILED, "no e-mail")
    again = resume(failed, NOW + timedelta(1))
    assert (again.state, again.attempt, again.version, again.ended_at, again.message) == (BatchState.QUEUED, 2, "7", None, "")
    assert again.job != failed.job


@pytest.mark.parametrize("state", list(BatchState))
def test_an_older_attempt_changes_nothing(state: BatchState) -> None:
    found = batch(state, attempt=2)
    for after in (begin(found, 1, "7", NOW), proceed(found, 1, Headway(parts=9)), finish(found, 1, "", NOW)):
        assert after == found


def test_a_job_that_is_gone_is_seen_and_one_that_was_only_just_asked_for_is_waited_for() -> None:
    for state in (BatchState.QUEUED, BatchState.RUNNING):
        assert settle(batch(state), Work.ALIVE, NOW).state is state
        assert settle(batch(state), Work.ENDED, NOW).state is BatchState.INTERRUPTED
        assert settle(batch(state), Work.UNKNOWN, NOW + NOT_TAKEN_WITHIN - timedelta(seconds=1)).state is state
        assert settle(batch(state), Work.UNKNOWN, NOW + NOT_TAKEN_WITHIN).state is BatchState.INTERRUPTED


def test_cancelling_ends_at_once_where_nothing_runs_else_when_the_job_has_ended() -> None:
    for state in (BatchState.QUEUED, BatchState.RUNNING):
        ending = cancel(batch(state), NOW)
        assert ending.state is BatchState.CANCELLING
        assert settle(ending, Work.ALIVE, NOW) == ending
        assert settle(ending, Work.ENDED, NOW).state is settle(ending, Work.UNKNOWN, NOW).state is BatchState.CANCELLED
        assert finish(ending, 1, "", NOW) == ending == begin(ending, 1, "7", NOW)
    for state in (BatchState.FAILED, BatchState.INTERRUPTED):
        assert cancel(batch(state), NOW).state is BatchState.CANCELLED


moves = st.lists(
    st.one_of(
        st.builds(lambda attempt: lambda found: begin(found, attempt, "7", NOW), st.integers(1, 3)),
        st.builds(
            lambda attempt, fault: lambda found: finish(found, attempt, fault, NOW), st.integers(1, 3), st.sampled_from("x ")
        ),
        st.just(lambda found: cancel(found, NOW)),
        st.just(lambda found: resume(found, NOW)),
        st.builds(lambda work: lambda found: settle(found, work, NOW), st.sampled_from(Work)),
    ),
    max_size=20,
)


@given(moves)
def test_what_is_final_stays_and_an_end_is_set_exactly_where_nothing_is_open(steps: list[Any]) -> None:
    found = batch()
    for step in steps:
        after = step(found)
        assert found.state not in FINAL or after == found
        assert after.is_open == (after.ended_at is None)
        assert after.attempt >= found.attempt
        found = after
