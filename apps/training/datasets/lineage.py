"""How a version was made, told as OpenLineage run events (specification 2-0-2): START and COMPLETE, in one JSON list."""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from libs.common.domain.dataset import DatasetVersion, SourceRef

LINEAGE = "lineage.json"
_NAMESPACE = "triage"
_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
_STANDARD = {
    "version": "1-0-1/DatasetVersionDatasetFacet",
    "inputStatistics": "1-0-0/InputStatisticsInputDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
}


def lineage_text(version: DatasetVersion, finished_at: datetime) -> str:
    """The content of ``lineage.json`` for a version whose build began at its ``created_at``."""
    return json.dumps(run_events(version, finished_at), indent=2, sort_keys=True) + "\n"


def run_events(version: DatasetVersion, finished_at: datetime) -> list[dict[str, Any]]:
    """START and COMPLETE of the one run that built ``version``."""
    return [_event(version, "START", version.created_at), _event(version, "COMPLETE", finished_at)]


def _event(version: DatasetVersion, kind: str, at: datetime) -> dict[str, Any]:
    producer = f"urn:triage:code:{version.lineage.code_commit}"
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": producer,
        "schemaURL": _EVENT,
        "run": {"runId": _run_id(version), "facets": {"triage_build": _build(version, producer)}},
        "job": {"namespace": _NAMESPACE, "name": f"build_dataset.{version.name}", "facets": {}},
        "inputs": [_input(source, producer) for source in version.lineage.sources],
        "outputs": [_output(version, producer)],
    }


def _run_id(version: DatasetVersion) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{version.tag}/{version.digest}/{version.created_at.isoformat()}"))


def _build(version: DatasetVersion, producer: str) -> dict[str, Any]:
    made = version.lineage.model_dump(mode="json", exclude={"sources"})
    return _facet("triage_build", producer, made)


def _input(source: SourceRef, producer: str) -> dict[str, Any]:
    namespace, name = _address(source.uri)
    return {
        "namespace": namespace,
        "name": name,
        "facets": _versioned(source.digest, source.digest, producer),
        "inputFacets": {"inputStatistics": _facet("inputStatistics", producer, {"rowCount": source.rows})},
    }


def _output(version: DatasetVersion, producer: str) -> dict[str, Any]:
    return {
        "namespace": _NAMESPACE,
        "name": version.name,
        "facets": _versioned(version.version, version.digest, producer),
        "outputFacets": {"outputStatistics": _facet("outputStatistics", producer, {"rowCount": version.rows})},
    }


def _versioned(version: str, digest: str, producer: str) -> dict[str, Any]:
    return {
        "version": _facet("version", producer, {"datasetVersion": version}),
        "triage_digest": _facet("triage_digest", producer, {"sha256": digest}),
    }


def _facet(name: str, producer: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    standard = _STANDARD.get(name)
    schema = f"{_FACETS}/{standard}.json#/$defs/{standard.partition('/')[2]}" if standard else f"urn:triage:facet:{name}:1"
    return {"_producer": producer, "_schemaURL": schema, **fields}


def _address(uri: str) -> tuple[str, str]:
    """Namespace and name as OpenLineage's naming rules have them: a bucket and its key, a path, or a name of our own."""
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        return f"s3://{parts.netloc}", parts.path.strip("/") or "/"
    if parts.scheme in ("", "file"):
        return "file", parts.path if parts.scheme else uri
    return _NAMESPACE, uri
