"""Daily tidying: what is past its retention goes, the prediction log is compacted, the audit chain is checked."""

from datetime import timedelta

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from apps.serving.batches.keeping import forget_ended
from flows.context import open_context
from libs.common.errors import StoreError
from libs.common.stores.predictions import SAMPLES, compact, delete_segments

# No upload takes longer; what is younger may still be written.
LONGEST_UPLOAD = timedelta(days=1)


@flow(name="housekeeping", persist_result=True)
def housekeeping() -> State:
    """Delete what is past its retention or was never finished; StoreError names a fault of the audit chain."""
    context = open_context()
    stores, retention, now = context.stores, context.config.audit_logging, context.now()
    oldest = now - retention.inference_logging.retention_period
    models = context.config.platform.all_models
    segments = sum(stores.predictions.delete_before(model, oldest) for model in models)
    compacted = sum(compact(stores.objects, model, now).segments for model in models)
    samples = sum(delete_segments(stores.objects, SAMPLES, model, oldest) for model in models)
    measured = stores.records.measurements.delete_before(now - retention.performance_logging.metrics_retention)
    batches = forget_ended(stores.records.batches, stores.objects, now - context.config.model_serving.batches.keep)
    swept = stores.objects.sweep(now - LONGEST_UPLOAD)
    if faults := stores.records.audit.verify(stores.noted_head()):
        raise StoreError(f"the audit chain is broken: {faults[0]}", "see every fault: triage audit verify")
    dropped = {"segments": segments, "measurements": measured, "batches": batches}
    counts = {**dropped, "compacted": compacted, "samples": samples, "swept": swept}
    context.audit("housekeeping", "tidied", "retention", counts)
    told = ", ".join(f"{count} {what}" for what, count in dropped.items())
    return Completed(message=f"dropped {told}; compacted {compacted} segments; the audit chain is whole")
