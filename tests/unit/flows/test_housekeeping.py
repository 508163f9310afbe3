"""One day's tidying: what is old goes, what is past is compacted, and the audit chain says so."""

from datetime import timedelta
from pathlib import Path

import pytest

from flows.context import FlowContext
from flows.housekeeping import housekeeping
from libs.common.stores.predictions import SAMPLES, SegmentWriter, ship_segments
from tests.unit.libs.common.stores.predictions.events import MODEL, event, sample


def test_old_lines_go_and_those_of_past_hours_are_compacted(
    context: FlowContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.housekeeping.open_context", lambda: context)
    objects, now = context.stores.objects, context.now()
    kept_for = context.config.audit_logging.inference_logging.retention_period
    ages = (kept_for + timedelta(hours=2), timedelta(days=1), timedelta(0))
    for entry, root in ((event, "predictions"), (sample, SAMPLES)):
        for number, age in enumerate(ages):
            writer = SegmentWriter(tmp_path / root, f"r{number}")
            writer.append(entry(number, now - age))
            writer.close()
        ship_segments(tmp_path / root, objects, root=root)
    said = housekeeping.fn().message
    assert said == "dropped 1 segments, 0 measurements, 0 batches; compacted 1 segments; the audit chain is whole"
    assert sorted(key.rpartition(".")[2] for key in objects.list("predictions/")) == ["jsonl", "parquet"]
    assert len(objects.list("samples/")) == 2
    found = context.stores.predictions.events(MODEL, now - 2 * kept_for, now + timedelta(days=1))
    assert sorted(each.request_id for each in found) == ["r1", "r2"]
    *_, audited = context.stores.records.audit.events()
    assert audited.details == {"segments": 1, "compacted": 1, "samples": 1, "measurements": 0, "batches": 0, "swept": 0}
