"""The prediction log: what every request was answered, as numbers and ids, never content (ADR 14).

A replica appends to segment files of its own; closed segments go to the object store; monitoring reads them there, and
housekeeping turns those of past hours into Parquet files. Samples of a share of the requests go the same way.
"""

from libs.common.stores.predictions.compaction import compact
from libs.common.stores.predictions.log import PredictionLog, delete_segments
from libs.common.stores.predictions.names import SAMPLES
from libs.common.stores.predictions.shipping import ship_segments
from libs.common.stores.predictions.writer import SegmentWriter

__all__ = ["SAMPLES", "PredictionLog", "SegmentWriter", "compact", "delete_segments", "ship_segments"]
