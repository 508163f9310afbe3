"""The job of a batch: triages its source, says how far it is, and stops where it was cancelled."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.serving.batch.run import OfflinePlace, OfflineRequest, triage_source
from apps.serving.batch.stretches import read_columns
from apps.serving.batch.version import find_version
from apps.serving.batches.keeping import result_of, upload_key
from apps.serving.batches.roots import require_allowed, require_inside
from libs.common.domain.batch import Batch, BatchState, Headway, begin, finish, holds, proceed
from libs.common.errors import StoreError, TriageError
from libs.common.logs import get_logger

logger = get_logger("serving.batches")

_TELL_EVERY_S = 1.0


class TakenAway(TriageError):
    """The batch was cancelled, or another attempt has it."""


@dataclass(frozen=True, slots=True)
class BatchWork:
    """One attempt at a batch. ``roots`` are those that are configured now: what an older order named may no longer be read."""

    place: OfflinePlace
    roots: tuple[str, ...]
    clock: Callable[[], datetime]

    def run(self, batch_id: str, attempt: int) -> Batch:
        """Triage the whole source; the answer is the batch as it ended. What is wrong with it is in its ``message``."""
        store = self.place.stores.records.batches
        batch = store.get(batch_id)
        if batch is None:
            raise StoreError(f"there is no batch {batch_id}", "the job was started for another state home: set TRIAGE_HOME")
        fault = "the job broke off: see its log in Ray's dashboard"
        try:
            self._triage(batch, attempt)
            fault = ""
        except TakenAway as error:
            logger.info("%s", error.message)
        except TriageError as error:
            fault = str(error)
        finally:
            ended = store.change(batch_id, lambda found: finish(found, attempt, fault, self.clock()))
        if ended.state is BatchState.SUCCEEDED and (sent := upload_key(ended, self.place.stores.objects)):
            self.place.stores.objects.delete(sent)
        return ended

    def _triage(self, batch: Batch, attempt: int) -> None:
        stores, order = self.place.stores, batch.order
        # The version that it began with: parts of two versions make no result.
        version = find_version(stores, order.model, batch.version or order.version).version
        begun = stores.records.batches.change(batch.id, lambda found: begin(found, attempt, version, self.clock()))
        _require_held(begun, attempt)
        if not order.upload_digest:
            require_inside(require_allowed(order.source, self.roots), self.roots)
        columns = read_columns([f"{ours}={theirs}" for ours, theirs in order.columns.items()])
        out = f"{stores.objects.uri}/{result_of(batch.id)}"
        request = OfflineRequest(order.source, out, order.model, version, columns)
        triage_source(request, self.place, tell=self._teller(batch.id, attempt))

    def _teller(self, batch_id: str, attempt: int) -> Callable[[Headway], None]:
        told_s = 0.0

        def tell(headway: Headway) -> None:
            nonlocal told_s
            if headway.parts_done < headway.parts and time.monotonic() - told_s < _TELL_EVERY_S:
                return
            told_s = time.monotonic()
            batches = self.place.stores.records.batches
            _require_held(batches.change(batch_id, lambda found: proceed(found, attempt, headway)), attempt)

        return tell


def _require_held(batch: Batch, attempt: int) -> None:
    if not holds(batch, attempt):
        raise TakenAway(f"batch {batch.id} is {batch.state}, at attempt {batch.attempt}: attempt {attempt} ends here")
