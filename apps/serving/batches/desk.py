"""Batches on demand: who may order, follow and end them. What is known of one is in the records, never only here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, get_args
from uuid import uuid4

from apps.serving.batches.keeping import folder_of, upload_key
from apps.serving.batches.roots import require_allowed
from apps.serving.batches.uploads import Upload
from libs.common.desk import Note, Principals, Unprocessable, require_worker
from libs.common.domain.audit import Actor
from libs.common.domain.batch import Batch, BatchOrder, BatchState, Work, cancel, resume, settle
from libs.common.errors import QueueFull, ServingError, StoreError
from libs.common.logs import get_logger
from libs.common.sources.raw_mail import MailField
from libs.common.stores.objects import Objects
from libs.common.stores.records.batches import BatchStore

logger = get_logger("serving.batches")


class BatchNotFound(ServingError):
    """No such batch, or it is somebody else's."""

    status: ClassVar[int] = 404


class Jobs(Protocol):
    """Where batches run; every method raises StoreError where that is away."""

    def start(self, batch: Batch) -> None:
        """Run the latest attempt of a batch; one that was started already is left alone."""
        ...

    def work(self, batch: Batch) -> Work:
        """What is known of its latest job."""
        ...

    def stop(self, batch: Batch) -> None:
        """End its latest job; nothing happens where it has ended."""
        ...


@dataclass(frozen=True, slots=True)
class BatchRules:
    """What may be asked: which models, what may be read, how many bytes may be sent, how many batches may be open at once."""

    models: tuple[str, ...]
    roots: tuple[str, ...]
    upload_limit_bytes: int
    open_limit: int


@dataclass(frozen=True, slots=True)
class WantedBatch:
    """An order as it was made, and the key under which it counts once."""

    model: str = "email_classifier"
    version: str = "live"
    columns: dict[str, str] = field(default_factory=dict[str, str])
    key: str = ""


class BatchDesk:
    """Takes orders; every method takes the caller's token, NotAuthorised where it is nobody's."""

    def __init__(
        self,
        batches: BatchStore,
        objects: Objects,
        jobs: Jobs,
        principals: Principals,
        note: Note,
        rules: BatchRules,
        clock: Callable[[], datetime],
    ) -> None:
        self._batches = batches
        self._objects = objects
        self._jobs = jobs
        self._principals = principals
        self._note = note
        self.rules = rules
        self._clock = clock

    def require_worker(self, token: str) -> Actor:
        """Who may order; Forbidden where it may only look."""
        return require_worker(self._principals, token)

    def order(self, token: str, source: str, wanted: WantedBatch) -> Batch:
        """Triage a source below a root; the same key of the same caller returns, or resumes, the batch that it stands for."""
        actor = self.require_worker(token)
        place = require_allowed(source, self.rules.roots)
        return self._take(actor, wanted, lambda _: place, "")

    def order_upload(self, token: str, upload: Upload, wanted: WantedBatch) -> Batch:
        """Triage what was sent, which is kept in the object store until the batch has succeeded or was cancelled."""
        actor = self.require_worker(token)

        def keep(batch_id: str) -> str:
            key = f"{folder_of(batch_id)}/{upload.name}"
            self._objects.put_file(key, upload.path)
            return f"{self._objects.uri}/{key}"

        return self._take(actor, wanted, keep, upload.digest)

    def list(self, token: str, limit: int) -> Sequence[Batch]:
        """The caller's newest batches, newest first."""
        owner = self._principals.authenticate(token).name
        return [self._settled(batch) for batch in self._batches.list(owner, limit)]

    def get(self, token: str, batch_id: str) -> Batch:
        """One batch of the caller's; BatchNotFound where there is none."""
        return self._settled(self._own(self._principals.authenticate(token), batch_id))

    def resume(self, token: str, batch_id: str) -> Batch:
        """Go on with a batch that failed or was interrupted; any other stays as it is."""
        actor = self.require_worker(token)
        return self._go_on(actor, self._own(actor, batch_id))

    def cancel(self, token: str, batch_id: str) -> Batch:
        """End it; one that has succeeded, or was cancelled, stays as it is."""
        actor = self.require_worker(token)
        batch = self._own(actor, batch_id)
        ending = self._batches.change(batch_id, lambda found: cancel(found, self._clock()))
        if ending.state != batch.state:
            self._note(actor, "batch_cancelled", batch_id, {}, self._clock())
        if ending.state is BatchState.CANCELLING:
            self._jobs.stop(ending)
        if ending.state is BatchState.CANCELLED:
            self._forget_upload(ending)
        return self._settled(ending)

    def _take(self, actor: Actor, wanted: WantedBatch, keep: Callable[[str], str], digest: str) -> Batch:
        self._require_known(wanted)
        if wanted.key and (known := self._batches.find(actor.name, wanted.key)):
            return self._repeat(actor, known, self._asked(wanted, known.order.source if digest else keep(known.id), digest))
        self._require_room()
        batch_id, now = str(uuid4()), self._clock()
        asked = self._asked(wanted, keep(batch_id), digest)
        fresh = Batch(id=batch_id, owner=actor.name, order=asked, created_at=now, attempted_at=now)
        batch = self._batches.add(fresh, wanted.key)
        if batch.id != batch_id:  # the same request came twice at once
            self._forget_upload(fresh)
            return self._repeat(actor, batch, asked.model_copy(update={"source": batch.order.source} if digest else {}))
        self._note(actor, "batch_ordered", batch_id, asked.model_dump(mode="json"), now)
        self._jobs.start(batch)
        return batch

    def _repeat(self, actor: Actor, known: Batch, asked: BatchOrder) -> Batch:
        if known.order != asked:
            raise Unprocessable("the Idempotency-Key was used for another order", f"it stands for {known.id}; use a new key")
        return self._go_on(actor, known)

    def _go_on(self, actor: Actor, batch: Batch) -> Batch:
        settled = self._settled(batch)
        again = self._batches.change(settled.id, lambda found: resume(found, self._clock()))
        if again.attempt != settled.attempt:
            self._note(actor, "batch_resumed", again.id, {"attempt": again.attempt}, self._clock())
        if again.state is BatchState.QUEUED:
            self._jobs.start(again)
        return again

    def _asked(self, wanted: WantedBatch, source: str, digest: str) -> BatchOrder:
        return BatchOrder(
            source=source, model=wanted.model, version=wanted.version, columns=wanted.columns, upload_digest=digest
        )

    def _require_known(self, wanted: WantedBatch) -> None:
        if wanted.model not in self.rules.models:
            raise Unprocessable(f"'{wanted.model}' is no model that is served", f"write one of {', '.join(self.rules.models)}")
        if unknown := sorted(set(wanted.columns) - set(get_args(MailField))):
            raise Unprocessable(f"'{unknown[0]}' is no field of a mail", f"write some of {', '.join(get_args(MailField))}")

    def _require_room(self) -> None:
        still = [batch for batch in map(self._settled, self._batches.open()) if batch.is_open]
        if len(still) >= self.rules.open_limit:
            raise QueueFull(f"{len(still)} batches are open already", "wait until one has ended, or cancel one")

    def _settled(self, batch: Batch) -> Batch:
        """As it is now: the cluster is asked where its job should be alive, so that one that was killed is seen."""
        if not batch.is_open:
            return batch
        try:
            work = self._jobs.work(batch)
        except StoreError as error:
            logger.warning("%s is told as it was last known: %s", batch.id, error.message)
            return batch
        if settle(batch, work, self._clock()) == batch:  # nearly always, and then nobody waits for a writer
            return batch
        settled = self._batches.change(batch.id, lambda found: settle(found, work, self._clock()))
        if settled.state is BatchState.CANCELLED:
            self._forget_upload(settled)
        return settled

    def _own(self, actor: Actor, batch_id: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None or batch.owner != actor.name:
            raise BatchNotFound(f"there is no batch {batch_id} of yours", "GET /v1/batch lists them")
        return batch

    def _forget_upload(self, batch: Batch) -> None:
        if key := upload_key(batch, self._objects):
            self._objects.delete(key)
