"""Compaction on S3 and in a folder, killed for real, while somebody reads."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from apps.training.datasets.corrections import answers_in
from libs.common.domain.triage import Feedback
from libs.common.stores.objects import Objects, open_objects
from libs.common.stores.predictions import PredictionLog, SegmentWriter, compact, ship_segments
from tests.unit.libs.common.stores.predictions.events import AT, EVER, MODEL, event

# botocore's own use of datetime.utcnow, and moto's threads.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::ResourceWarning")

EVENTS = 600
HOUSEKEEPING = """
import sys
from datetime import timedelta
from libs.common.stores.objects import open_objects
from libs.common.stores.predictions import compact
from tests.unit.libs.common.stores.predictions.events import AT, MODEL
import pyarrow.parquet
print("begins", flush=True)
compact(open_objects(sys.argv[1]), MODEL, AT + timedelta(days=1))
"""


def fill(objects: Objects, local: Path) -> None:
    """Five hours of two events a minute, in segments of two minutes."""
    writer = SegmentWriter(local, "r1", max_age=timedelta(minutes=2))
    for number in range(EVENTS):
        writer.append(event(number, AT + timedelta(seconds=30 * number)))
    writer.close()
    ship_segments(local, objects)


def numbers(log: PredictionLog) -> list[int]:
    return sorted(int(found.request_id[1:]) for found in log.events(MODEL, *EVER))


def test_a_bucket_is_compacted_under_a_reader(s3: Any, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="log")
    objects = open_objects("s3://log/of/ours")
    fill(objects, tmp_path / "local")
    log = PredictionLog(objects, cached_events=50)
    reading = log.events(MODEL, *EVER)
    seen = [next(reading) for _ in range(100)]
    assert compact(objects, MODEL, AT + timedelta(days=1)).files == 5
    seen += reading
    assert sorted(int(found.request_id[1:]) for found in seen) == list(range(EVENTS)) == numbers(log)
    assert [key for key in objects.list("predictions/") if not key.endswith(".parquet")] == []
    said = Feedback("r7", MODEL, "work", "ann", AT + timedelta(hours=1))
    assert answers_in(log, [said]) == {"r7": "spam"}, "a build finds what was answered"
    assert log.delete_before(MODEL, AT + timedelta(hours=6)) == 5


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path, repo: Path) -> None:
    objects = open_objects(str(tmp_path / "objects"))
    fill(objects, tmp_path / "local")
    log = PredictionLog(objects, cached_events=1)
    chance = Random(7)
    for _ in range(4):
        run = subprocess.Popen([sys.executable, "-c", HOUSEKEEPING, objects.uri], cwd=repo, stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        assert run.stdout.readline() == "begins\n"
        try:
            run.wait(chance.uniform(0, 0.1))
        except subprocess.TimeoutExpired:
            run.kill()
        assert numbers(log) == list(range(EVENTS))
        run.wait(30)
        run.stdout.close()
        assert numbers(log) == list(range(EVENTS))
    compact(objects, MODEL, AT + timedelta(days=1))
    assert numbers(log) == list(range(EVENTS))
    assert {key.rpartition(".")[2] for key in objects.list("predictions/")} == {"parquet"}
