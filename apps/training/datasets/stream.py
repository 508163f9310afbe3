"""Sources → cleaned rows by Ray Data, a stretch at a time: memory holds some stretches, never the corpus.

Imported only where a dataset is built: importing Ray Data takes a second.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
import ray.data
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.exceptions import RayError

from apps.training.datasets.preprocess import clean_rows
from apps.training.datasets.rows import CLEANED, ingested_row, ingested_table
from apps.training.reading.corpora import Quarantined
from apps.training.reading.sources import Source, Stretch, mails_of
from libs.common.domain.progress import Progress, Watch, unwatched
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.errors import StoreError
from libs.common.stores.orchestrator import most_at_once, own_error, quiet_data

_BLOCK_ROWS = 500
# What a task books; with a whole one, a machine of two CPUs that also serves would leave a core idle.
_TASK_CPUS = 0.5
# position = place of the stretch << 32 | row within it: order and origin survive any scheduling.
_ROW_BITS = 32


class MailSource(Datasource):
    """One task a stretch, which reads, labels and cleans it: between two tasks the mails would be packed and sent once more."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        super().__init__()
        self._stretches = stretches

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(self, parallelism: int, *_unused: object, **_options: object) -> list[ReadTask]:
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(_reader(stretch, first_position(place)), unknown, schema=CLEANED)
            for place, stretch in enumerate(self._stretches)
        ]


def _reader(stretch: Stretch, first: int) -> Callable[[], Iterable[pa.Table]]:
    """A function, not a partial one: Ray asks a task that is larger than 1 MiB, as feedback soon is, for its name."""

    def read() -> Iterable[pa.Table]:
        return cleaned_blocks(stretch, first)

    return read


def first_position(place: int) -> int:
    """The position of the first row of the stretch at ``place`` in the order of the sources."""
    return place << _ROW_BITS


def stretch_of(position: int) -> int:
    """Which stretch, in the order of the sources, a row came from."""
    return position >> _ROW_BITS


def stream_rows(sources: Sequence[Source], watch: Watch = unwatched) -> Iterator[pa.Table]:
    """Read, label and clean all sources on the connected Ray; tables of ``CLEANED`` in the order of the sources.

    ``watch`` is told how many mails were handed on.
    """
    if not ray.is_initialized():
        raise StoreError("Ray is not connected", "connect at the front door first: ray.init(address=…)")
    stretches = [stretch for source in sources for stretch in source.stretches]
    quiet_data().execution_options.preserve_order = True
    cleaned = ray.data.read_datasource(
        MailSource(stretches),
        num_cpus=_TASK_CPUS,
        concurrency=most_at_once(len(stretches)),
        override_num_blocks=len(stretches),
    )
    try:
        yield from counted(cleaned.iter_batches(batch_size=None, batch_format="pyarrow"), mails_of(sources), watch)
    except RayError as error:
        raise own_error(error, "reading the sources") from error


def cleaned_blocks(stretch: Stretch, first: int) -> Iterator[pa.Table]:
    """A stretch as tables of ``CLEANED`` of at most 500 rows, numbered from ``first``."""
    numbered = enumerate(stretch.read(), start=first)
    while rows := [_row(position, mail) for position, mail in islice(numbered, _BLOCK_ROWS)]:
        yield clean_rows(ingested_table(rows))


def counted(tables: Iterable[pa.Table], total: int, watch: Watch) -> Iterator[pa.Table]:
    """The same tables; ``watch`` is told at the beginning, after each that was used, and at the end."""
    began, done = time.monotonic(), 0
    watch(Progress(done=done, total=total, seconds=0))
    for table in tables:
        yield table
        done += table.num_rows
        if done != total:
            watch(Progress(done=done, total=total, seconds=time.monotonic() - began))
    watch(Progress(done=done, total=done, seconds=time.monotonic() - began))


def _row(position: int, mail: LabelledEmail | Quarantined) -> dict[str, object]:
    if isinstance(mail, LabelledEmail):
        return ingested_row(position, mail)
    unread = Email(message_id="", sender="", subject="", body="")
    return ingested_row(position, LabelledEmail(mail.email or unread, "", mail.origin), mail.reason)
