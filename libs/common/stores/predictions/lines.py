"""One event as one JSON line. Only the fields written out here are ever kept, so content cannot get in by accident."""

import math
import re
import sys
from datetime import datetime
from typing import Any

import orjson

from libs.common.domain.triage import Escalated, Outcome, PredictionEvent, Variant
from libs.common.errors import StoreError

_FEATURE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")


class EventEncoder:
    """Writes events; remembers the feature names it has checked, which are the same for every event of a model."""

    def __init__(self) -> None:
        self._checked: set[str] = set()

    def encode(self, event: PredictionEvent) -> bytes:
        """The line, with its end; a feature that is no finite number is left out.

        StoreError for a feature whose name is no identifier, and so may be content.
        """
        if not event.features.keys() <= self._checked:
            self._check(event.features)
        line = {
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
        }
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _check(self, features: dict[str, float]) -> None:
        for name in features:
            if not _FEATURE_NAME.fullmatch(name):
                raise StoreError(
                    f"the prediction log takes no feature named {name[:80]!r}",
                    "name features like body_chars or links_per_word",
                )
        self._checked.update(features)


def decode(line: bytes) -> PredictionEvent | None:
    """The event of a line; None for a torn or foreign one."""
    try:
        fields: dict[str, Any] = orjson.loads(line)
        fields["at"] = datetime.fromisoformat(fields["at"])
        fields["variant"] = Variant(fields["variant"])
        fields["outcome"] = Outcome(fields["outcome"])
        # Segments of before there was a second stage say nothing of it.
        fields["escalation"] = Escalated(fields.get("escalation", Escalated.NONE))
        fields["model"] = sys.intern(fields["model"])
        fields["version"] = sys.intern(fields["version"])
        fields["label"] = sys.intern(fields["label"])
        return PredictionEvent(**fields)
    except (ValueError, TypeError, KeyError):
        return None
