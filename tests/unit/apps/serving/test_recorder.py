"""What a replica does when its log does not take what it writes: it counts, says it once, and goes on."""

from collections import Counter
from collections.abc import Callable

import pytest

from apps.serving.recorder import Recorder
from apps.serving.sampler import Sampler
from libs.common.domain.triage import Outcome, Prediction, PredictionEvent, PredictionSample, TriageResult, Variant
from libs.common.errors import StoreError
from tests.unit.apps.serving.fakes import EventsInMemory, mail
from tests.unit.libs.common.stores.predictions.events import event


class Disk(EventsInMemory):
    """Takes events until it is full, and samples until less than its reserve is left."""

    reserve_left = True

    def take(self, sample: PredictionSample) -> None:
        if not self.reserve_left:
            raise StoreError("5 bytes are free") from OSError(28, "No space left on device")


class Samples:
    """The segment of samples on a disk."""

    def __init__(self, disk: Disk) -> None:
        self.append = disk.take


def answer(number: int) -> TriageResult:
    spam = Prediction("spam", 1.0, {"spam": 1.0})
    return TriageResult(f"r{number}", "<1>", "email_classifier", "1", Variant.STABLE, Outcome.OK, spam, 1.0)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def faults() -> Counter[str]:
    return Counter()


@pytest.fixture
def recorder(disk: Disk, faults: Counter[str]) -> Recorder:
    return Recorder(disk, lambda: None, lambda kind: faults.update([kind]), Sampler(1, None, Samples(disk)))


def write(recorder: Recorder, *numbers: int) -> None:
    for number in numbers:
        recorder.record(event(number))
        recorder.sample(event(number), answer(number), mail())


def test_samples_go_first_then_events_and_both_come_back(recorder: Recorder, disk: Disk, faults: Counter[str]) -> None:
    write(recorder, 1)
    assert recorder.degraded == ()
    disk.reserve_left = False
    write(recorder, 2)
    assert recorder.degraded == ("detailed samples",)
    disk.full = True
    write(recorder, 3, 4)
    assert recorder.degraded == ("prediction events", "detailed samples")
    assert faults == {"record": 2, "sample": 3}
    disk.full, disk.reserve_left = False, True
    write(recorder, 5)
    assert recorder.degraded == ()
    assert [kept.request_id for kept in disk.events] == ["r1", "r2", "r5"]


def test_a_full_disk_is_said_once_and_again_when_there_is_room(
    recorder: Recorder, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "triage")
    disk.full = True
    write(recorder, *range(100))
    disk.full = False
    write(recorder, 100)
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "prediction events are lost until there is room",
        "prediction events are written again; 100 were lost",
    ]


def test_without_traffic_it_is_well_again_after_two_looks(recorder: Recorder, disk: Disk) -> None:
    disk.full = True
    write(recorder, 1)
    recorder.ship()
    assert recorder.degraded == ("prediction events",)
    recorder.ship()
    assert recorder.degraded == ()
    write(recorder, 2)
    assert recorder.degraded == ("prediction events",)


def test_what_is_no_fault_of_the_disk_is_told_each_time_and_degrades_nothing(
    faults: Counter[str], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(entry: PredictionEvent) -> None:
        raise StoreError("the prediction log takes no feature named 'x y'")

    class Refusing:
        append: Callable[[PredictionEvent], object] = staticmethod(refuse)

    recorder = Recorder(Refusing(), lambda: None, lambda kind: faults.update([kind]))
    for number in range(2):
        recorder.record(event(number))
    assert recorder.degraded == ()
    assert faults == {"record": 2}
    assert len(caplog.records) == 2
