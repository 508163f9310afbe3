"""Sources → cleaned rows by Ray Data, a block at a time: memory holds some blocks, never the corpus.

Imported only where a dataset is built: importing Ray Data takes a second.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
import ray.data
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.exceptions import RayError

from apps.training.corpora import Quarantined
from apps.training.preprocess import clean_rows
from apps.training.rows import INGESTED, ingested_row, ingested_table
from apps.training.sources import Source, Stretch
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import DataError, StoreError, TriageError

_BLOCK_ROWS = 500
# Stages that each ask for a whole CPU wait for each other for ever on a machine with two.
_READ_CPUS, _CLEAN_CPUS = 0.5, 0.5
# position = place of the stretch << 32 | row within it: order and origin survive any scheduling.
_ROW_BITS = 32


class MailSource(Datasource):
    """One read task a stretch."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        super().__init__()
        self._stretches = stretches

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(self, parallelism: int, *_unused: object, **_options: object) -> list[ReadTask]:
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(_reader(stretch, place << _ROW_BITS), unknown, schema=INGESTED)
            for place, stretch in enumerate(self._stretches)
        ]


def _reader(stretch: Stretch, first: int) -> Callable[[], Iterable[pa.Table]]:
    """A function, not a partial one: Ray asks a task that is larger than 1 MiB, as feedback soon is, for its name."""

    def read() -> Iterable[pa.Table]:
        return _blocks(stretch, first)

    return read


def stretch_of(position: int) -> int:
    """Which stretch, in the order of the sources, a row came from."""
    return position >> _ROW_BITS


def stream_rows(sources: Sequence[Source]) -> Iterator[pa.Table]:
    """Read, label and clean all sources on the connected Ray; tables of ``CLEANED`` in the order of the sources."""
    if not ray.is_initialized():
        raise StoreError("Ray is not connected", "connect at the front door first: ray.init(address=…)")
    stretches = [stretch for source in sources for stretch in source.stretches]
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    mails = ray.data.read_datasource(MailSource(stretches), num_cpus=_READ_CPUS, override_num_blocks=len(stretches))
    cleaned = mails.map_batches(clean_rows, batch_format="pyarrow", batch_size=None, num_cpus=_CLEAN_CPUS)
    try:
        yield from cleaned.iter_batches(batch_size=None, batch_format="pyarrow")
    except RayError as error:
        raise _own_error(error) from error


def _blocks(stretch: Stretch, first: int) -> Iterable[pa.Table]:
    numbered = enumerate(stretch.read(), start=first)
    while rows := [_row(position, mail) for position, mail in islice(numbered, _BLOCK_ROWS)]:
        yield ingested_table(rows)


def _row(position: int, mail: LabelledEmail | Quarantined) -> dict[str, object]:
    if isinstance(mail, LabelledEmail):
        return ingested_row(position, mail)
    unread = Email(message_id="", sender="", subject="", body="")
    return ingested_row(position, LabelledEmail(mail.email or unread, "", mail.origin), mail.reason)


def _own_error(error: BaseException) -> TriageError:
    """Our own error that a task raised, from below Ray's wrapping; else a DataError with what Ray says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TriageError):
            return type(cause)(*cause.args)
        cause = getattr(cause, "cause", None) or cause.__cause__
    return DataError(f"reading the sources failed: {str(error).strip().splitlines()[-1]}", "see Ray's log of the failed task")
