from apps.training.stages import Stages
from libs.common.domain.progress import Progress


def test_each_stage_is_told_as_it_begins_and_the_end_once() -> None:
    told: list[Progress] = []
    clock = iter((10, 10, 12, 60, 70))
    stages = Stages(told.append, 3, clock=lambda: next(clock))
    for doing in ("fitting tabular", "judging tabular", "registering"):
        stages.begin(doing)
    stages.end()
    assert [(str(one), one.share, one.seconds) for one in told] == [
        ("fitting tabular, 1 of 3", 0, 0),
        ("judging tabular, 2 of 3", 1 / 3, 2),
        ("registering, 3 of 3", 2 / 3, 50),
        ("trained in 60 s", 1, 60),
    ]
