"""Lineage in the shape of OpenLineage's specification 2-0-2: every required field, in its format."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from apps.training.datasets.lineage import lineage_text, run_events
from libs.common.domain.dataset import DatasetVersion, Lineage, SourceRef
from tests.unit.libs.common.domain.test_dataset import version as bare_version

FINISHED = datetime(2026, 1, 1, 0, 2, tzinfo=UTC)
URIS = ("s3://mail/2026/mails.jsonl", "/mail/anna/mails.csv", "file:///mail/anna/mbox", "synthetic://?n=20", "feedback:")


def version() -> DatasetVersion:
    sources = tuple(SourceRef(uri=uri, digest=f"{place:064}", rows=place) for place, uri in enumerate(URIS))
    lineage = Lineage(sources=sources, code_commit="abc+changes", config_digest="def", parent="mail/v1.2.0", seed=7)
    return bare_version(3).model_copy(update={"lineage": lineage})


def require(found: dict[str, Any], *fields: str) -> None:
    """The fields that the specification requires of one object; where it says URI, an absolute one."""
    for field in fields:
        assert found[field], field
        if field in ("producer", "schemaURL", "_producer", "_schemaURL"):
            assert urlsplit(found[field]).scheme in ("https", "urn")


def require_facets(facets: dict[str, Any]) -> None:
    for facet in facets.values():
        require(facet, "_producer", "_schemaURL")


def test_every_required_field_is_there() -> None:
    for event in run_events(version(), FINISHED):
        require(event, "eventTime", "producer", "schemaURL", "run", "job")  # BaseEvent, RunEvent
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        require(event["run"], "runId")
        uuid.UUID(event["run"]["runId"])
        require(event["job"], "namespace", "name")
        require_facets(event["run"]["facets"])
        assert len(event["inputs"]) == len(URIS)
        for dataset in (*event["inputs"], *event["outputs"]):
            require(dataset, "namespace", "name")
            require_facets(dataset["facets"] | dataset.get("inputFacets", {}) | dataset.get("outputFacets", {}))
            require(dataset["facets"]["version"], "datasetVersion")


def test_one_run_starts_and_completes() -> None:
    start, complete = json.loads(lineage_text(version(), FINISHED))
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"] == complete["run"]
    lasted = datetime.fromisoformat(complete["eventTime"]) - datetime.fromisoformat(start["eventTime"])
    assert lasted == timedelta(minutes=2)


def test_it_says_what_was_read_what_came_out_and_with_what_it_was_made() -> None:
    event = run_events(version(), FINISHED)[1]
    places = [(dataset["namespace"], dataset["name"]) for dataset in event["inputs"]]
    assert places == [
        ("s3://mail", "2026/mails.jsonl"),
        ("file", "/mail/anna/mails.csv"),
        ("file", "/mail/anna/mbox"),
        ("triage", "synthetic://?n=20"),
        ("triage", "feedback:"),
    ]
    assert event["inputs"][2]["facets"]["triage_digest"]["sha256"] == f"{2:064}"
    assert event["inputs"][2]["inputFacets"]["inputStatistics"]["rowCount"] == 2
    (output,) = event["outputs"]
    assert (output["namespace"], output["name"]) == ("triage", "mail")
    assert (output["facets"]["version"]["datasetVersion"], output["facets"]["triage_digest"]["sha256"]) == ("1.3.0", f"{3:064}")
    made = event["run"]["facets"]["triage_build"]
    assert (made["code_commit"], made["config_digest"], made["seed"]) == ("abc+changes", "def", 7)
    assert (made["holdout"], made["folds"], made["parent"]) == (0.2, 5, "mail/v1.2.0")
