"""One event or sample as one JSON line. Only the fields written out here are kept, so content cannot get in by accident."""

import math
import re
import sys
from datetime import datetime
from typing import Any

import orjson

from libs.common.domain.triage import Escalated, Mirror, Outcome, PredictionEvent, PredictionSample, Variant
from libs.common.errors import StoreError

_FEATURE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")


class EventEncoder:
    """Writes events and samples; remembers the feature names it has checked, which are the same for every event of a model."""

    def __init__(self) -> None:
        self._checked: set[str] = set()

    def encode(self, entry: PredictionEvent | PredictionSample) -> bytes:
        """The line, with its end; a feature that is no finite number is left out.

        StoreError for a feature whose name is no identifier, and so may be content.
        """
        fields = _sample_fields(entry) if isinstance(entry, PredictionSample) else self._event_fields(entry)
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)

    def _event_fields(self, event: PredictionEvent) -> dict[str, Any]:
        if not event.features.keys() <= self._checked:
            self._check(event.features)
        return {
            "at": event.at,
            "request_id": event.request_id,
            "model": event.model,
            "version": event.version,
            "variant": event.variant.value,
            "outcome": event.outcome.value,
            "candidate_weight": float(event.candidate_weight),
            "latency_ms": float(event.latency_ms),
            "label": event.label,
            "confidence": float(event.confidence),
            "features": {name: float(value) for name, value in event.features.items() if math.isfinite(value)},
            "mirror_label": event.mirror_label,
            "traffic_bucket": event.traffic_bucket,
            "escalation": event.escalation.value,
            "mirror": event.mirror.value,
        }

    def _check(self, features: dict[str, float]) -> None:
        for name in features:
            if not _FEATURE_NAME.fullmatch(name):
                raise StoreError(
                    f"the prediction log takes no feature named {name[:80]!r}",
                    "name features like body_chars or links_per_word",
                )
        self._checked.update(features)


def _sample_fields(sample: PredictionSample) -> dict[str, Any]:
    return {
        "at": sample.at,
        "request_id": sample.request_id,
        "model": sample.model,
        "version": sample.version,
        "variant": sample.variant.value,
        "outcome": sample.outcome.value,
        "latency_ms": float(sample.latency_ms),
        "label": sample.label,
        "probabilities": {label: float(share) for label, share in sample.probabilities.items()},
        "escalation": sample.escalation.value,
        "cached": bool(sample.cached),
        "input_hash": sample.input_hash,
    }


def moment_of(line: bytes) -> datetime | None:
    """When the event or sample of a line was; None for a torn or foreign line."""
    try:
        return datetime.fromisoformat(orjson.loads(line)["at"])
    except (ValueError, TypeError, KeyError):
        return None


def decode(line: bytes) -> PredictionEvent | None:
    """The event of a line; None for a torn or foreign one."""
    try:
        fields: dict[str, Any] = orjson.loads(line)
        fields["at"] = datetime.fromisoformat(fields["at"])
        fields["variant"] = Variant(fields["variant"])
        fields["outcome"] = Outcome(fields["outcome"])
        # Older segments say nothing of a second stage, and hold mirrored requests as one line.
        fields["escalation"] = Escalated(fields.get("escalation", Escalated.NONE))
        fields["mirror"] = Mirror(fields.get("mirror", Mirror.NONE))
        fields["model"] = sys.intern(fields["model"])
        fields["version"] = sys.intern(fields["version"])
        fields["label"] = sys.intern(fields["label"])
        return PredictionEvent(**fields)
    except (ValueError, TypeError, KeyError):
        return None


def decode_lines(content: bytes) -> tuple[tuple[PredictionEvent, ...], int]:
    """The events of a segment's content, and how many of its lines are none."""
    lines = content.splitlines()
    events = tuple(event for line in lines if (event := decode(line)))
    return events, len(lines) - len(events)
