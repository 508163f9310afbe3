"""The prediction log: what every request was answered, as numbers and ids, never content (ADR 14).

A replica appends to segment files of its own; closed segments go to the object store; monitoring reads them there.
"""

from libs.common.stores.predictions.log import PredictionLog
from libs.common.stores.predictions.shipping import ship_segments
from libs.common.stores.predictions.writer import SegmentWriter

__all__ = ["PredictionLog", "SegmentWriter", "ship_segments"]
