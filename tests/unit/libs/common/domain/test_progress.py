"""How far a reading is reads like a sentence, and is told when there is news."""

import pytest

from libs.common.domain.progress import Progress, TrainingProgress, bar, paced


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (0, 60460, 0, "read 0 of 60,460 e-mails"),
        (12000, 60460, 12, "read 12,000 of 60,460 e-mails, 1,000/s, 48 s left"),
        (120, 100, 1, "read 120 of 100 e-mails, 120/s, 0 s left"),  # a source that grew meanwhile
        (60460, 60460, 60.46, "read 60,460 e-mails, 1,000/s, in 60 s"),
        (0, 0, 3, "read 0 e-mails"),
    ],
)
def test_it_says_what_is_known(done: int, total: int, seconds: float, said: str) -> None:
    assert str(Progress(done=done, total=total, seconds=seconds)) == said


def test_a_stage_is_called_by_its_name() -> None:
    assert str(TrainingProgress(done=1, total=5, seconds=90, doing="fitting transformer")) == "fitting transformer, 2 of 5"
    assert str(TrainingProgress(done=5, total=5, seconds=163.2)) == "trained in 163 s"


def test_the_share_lies_between_nothing_and_all() -> None:
    assert [Progress(done=5, total=total, seconds=1).share for total in (0, 20, 5, 4)] == [0, 0.25, 1, 1]
    assert [bar(share).count("█") for share in (0, 0.25, 1)] == [0, 6, 24]
    assert {len(bar(share / 7)) for share in range(8)} == {24}


def test_the_beginning_the_end_and_a_little_in_between_are_told() -> None:
    told: list[float] = []
    tell = paced(lambda progress: told.append(progress.seconds), 2)
    for seconds in (0, 0.5, 1.9, 2, 3.9, 4.1):
        tell(Progress(done=1, total=9, seconds=seconds))
    tell(Progress(done=9, total=9, seconds=4.2))
    assert told == [0, 2, 4.1, 4.2]
