"""Where a batch keeps what was sent and what came of it: below ``batches/`` in the object store."""

from datetime import datetime

from libs.common.domain.batch import Batch
from libs.common.stores.objects import Objects
from libs.common.stores.records.batches import BatchStore


def folder_of(batch_id: str) -> str:
    """The folder of a batch."""
    return f"batches/{batch_id}"


def result_of(batch_id: str) -> str:
    """The folder of its parts."""
    return f"{folder_of(batch_id)}/result"


def upload_key(batch: Batch, objects: Objects) -> str:
    """The object that was sent with its order; empty where it reads what was there."""
    return batch.order.source.removeprefix(f"{objects.uri}/") if batch.order.upload_digest else ""


def forget_ended(batches: BatchStore, objects: Objects, before: datetime) -> int:
    """Delete the batches that ended ``before``, files first, so that a run that is killed is finished by the next; how many."""
    ended = batches.ended_before(before)
    for batch in ended:
        for key in objects.list(f"{folder_of(batch.id)}/"):
            objects.delete(key)
        batches.delete(batch.id)
    return len(ended)
