"""A replica that is killed without warning has lost no event that it had acknowledged."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from libs.common.stores.objects import LocalObjects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, ship_segments
from tests.unit.libs.common.stores.predictions.events import event

ROUNDS = 5
REPLICA = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from libs.common.stores.predictions import SegmentWriter
from tests.unit.libs.common.stores.predictions.events import event

writer = SegmentWriter(Path(sys.argv[1]), "replica", max_age=timedelta(milliseconds=20), max_bytes=4000)
for number in range(1_000_000):
    writer.append(event(number, datetime.now(UTC)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def acknowledged_until_killed(folder: Path, repo: Path, wait_s: float) -> int:
    """Run a replica, kill it ``wait_s`` after its first event; how many events it had acknowledged."""
    process = subprocess.Popen([sys.executable, "-c", REPLICA, str(folder)], cwd=repo, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    killer = threading.Timer(wait_s, process.kill)
    killer.start()
    lines += process.stdout.readlines()
    killer.join()
    process.stdout.close()
    assert process.wait(30) == -9
    return sum(line.endswith("\n") for line in lines)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_every_acknowledged_event_is_found_after_a_sigkill(tmp_path: Path, repo: Path, round_: int) -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    acknowledged = acknowledged_until_killed(tmp_path / "node", repo, wait_s=Random(round_).uniform(0.0, 0.3))
    objects = LocalObjects(tmp_path / "objects")
    ship_segments(tmp_path / "node", objects)
    found = sorted(
        int(each.features["body_chars"])
        for each in PredictionLog(objects).events("email_classifier", start, start + timedelta(hours=1))
    )
    assert acknowledged > 0
    assert found[:acknowledged] == list(range(acknowledged))
    assert len(found) - acknowledged in (0, 1), "at most the one event whose acknowledgement was under way"
    assert not list((tmp_path / "node").rglob("*.*"))


def test_several_replicas_shipping_one_folder_lose_and_double_nothing(tmp_path: Path) -> None:
    """Six replicas write, rotate and ship the same folder at once, as on one node."""
    node, objects = tmp_path / "node", LocalObjects(tmp_path / "objects")
    each_writes = 300

    def replica(number: int) -> None:
        writer = SegmentWriter(node, f"r{number}", max_age=timedelta(milliseconds=2))
        for index in range(each_writes):
            writer.append(event(number * each_writes + index, datetime.now(UTC)))
            if index % 10 == 0:
                ship_segments(node, objects)
        writer.close()

    start = datetime.now(UTC) - timedelta(seconds=1)
    with ThreadPoolExecutor(6) as replicas:
        list(replicas.map(replica, range(6)))
    ship_segments(node, objects)  # what a replica skipped because another one was just shipping it
    log = PredictionLog(objects)
    found = sorted(
        int(each.features["body_chars"]) for each in log.events("email_classifier", start, start + timedelta(hours=1))
    )
    assert found == list(range(6 * each_writes))
    assert log.skipped == 0
