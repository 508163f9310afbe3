"""A real disk without room: what is written is whole, what is not is said, and it goes on when there is room again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.common.domain.triage import PredictionEvent
from libs.common.errors import StoreError
from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, ship_segments
from tests.unit.libs.common.stores.predictions.events import EVER, MODEL, event, sample

DISK_BYTES = 256 << 10


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a file system of its own takes the right to mount one: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path, leaving: int) -> Path:
    """A file that takes all but about ``leaving`` bytes."""
    ballast = disk / "ballast"
    found = os.statvfs(disk)
    ballast.write_bytes(b"x" * max(0, found.f_bavail * found.f_frsize - leaving))
    return ballast


def taken(writer: SegmentWriter, event: PredictionEvent) -> bool:
    try:
        writer.append(event)
    except StoreError as error:
        assert isinstance(error.__cause__, OSError)
        return False
    return True


def test_what_was_taken_is_found_and_nothing_is_torn(tiny_disk: Path, tmp_path: Path) -> None:
    writer, objects = SegmentWriter(tiny_disk / "predictions", "r1"), LocalObjects(tmp_path / "objects")
    kept = {number for number in range(50) if taken(writer, event(number))}
    ballast = fill(tiny_disk, leaving=8 << 10)
    kept |= {number for number in range(50, 150) if taken(writer, event(number))}
    assert 50 < len(kept) < 150, "the disk became full on the way"
    assert not taken(writer, event(1000))
    ballast.unlink()
    kept |= {number for number in range(150, 200) if taken(writer, event(number))}
    assert kept >= set(range(150, 200)), "it needs nobody to go on"
    writer.close()
    ship_segments(tiny_disk / "predictions", objects)
    log = PredictionLog(objects)
    assert {int(each.request_id[1:]) for each in log.events(MODEL, *EVER)} == kept
    assert log.skipped == 0


def test_samples_leave_the_last_room_to_events(tiny_disk: Path) -> None:
    samples = SegmentWriter(tiny_disk / "samples", "r1", reserve_bytes=64 << 10)
    events = SegmentWriter(tiny_disk / "predictions", "r1")
    samples.append(sample(1))
    ballast = fill(tiny_disk, leaving=32 << 10)
    with pytest.raises(StoreError, match="cannot be written"):
        samples.append(sample(2))
    events.append(event(1))
    ballast.unlink()
    samples.append(sample(3))


START = """
import sys
from pathlib import Path
from apps.serving.metrics import ServingMetrics
from libs.common.errors import StoreError
disk = Path(sys.argv[1])
try:
    metrics = ServingMetrics("email_classifier", disk / "metrics")
except StoreError as error:
    sys.exit(error.message)
with (disk / "ballast").open("wb", 0) as ballast:
    try:
        while True:
            ballast.write(b"x" * 4096)
    except OSError as error:
        print(error.strerror)
for number in range(500):
    metrics.fault(f"kind-{number}")
print(metrics.expose().body.count(b"triage_serving_faults_total{"))
"""


def test_counting_goes_on_on_a_full_disk(tmp_path: Path, repo: Path, tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=2M", tiny_disk], check=True)
    said = subprocess.run([sys.executable, "-c", START, tiny_disk], cwd=repo, capture_output=True, text=True)
    assert (said.returncode, said.stdout.split("\n")[:2]) == (0, ["No space left on device", "500"]), said.stderr


def test_a_replica_that_finds_no_room_for_its_counters_says_so(repo: Path, tiny_disk: Path) -> None:
    said = subprocess.run([sys.executable, "-c", START, tiny_disk], cwd=repo, capture_output=True, text=True)
    assert said.returncode == 1
    assert "has no room for counters: No space left on device" in said.stderr
