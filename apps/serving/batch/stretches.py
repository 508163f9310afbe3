"""From a stretch of a source to what came of each of its e-mails: read one at a time, answered some at a time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import get_args

from apps.serving.batch.part_files import SetAside, Triaged
from apps.serving.batcher import predict_each
from libs.common.domain.triage import Email, Prediction
from libs.common.errors import DataError
from libs.common.logs import get_logger
from libs.common.sources.raw_mail import MailField, Names, RawMail, RawStretch, read_mail

logger = get_logger("serving.batch")

Engine = Callable[[Sequence[Email]], Sequence[Prediction]]

# position = number of the part << 32 | row within it, as datasets number their rows.
_ROW_BITS = 32


@dataclass(frozen=True, slots=True)
class _Read:
    position: int
    origin: str
    email: Email


def triage_stretch(
    stretch: RawStretch, number: int, columns: Mapping[MailField, str], engine: Engine, batch_size: int
) -> Iterator[list[Triaged | SetAside]]:
    """What came of the e-mails of part ``number``, in their order; raw mails are let go one by one, memory holds one batch."""
    mails = (_read(position, mail, names_of(columns)) for position, mail in enumerate(stretch.read(), number << _ROW_BITS))
    while batch := list(islice(mails, batch_size)):
        yield list(_answered(batch, engine))


def names_of(columns: Mapping[MailField, str]) -> Names:
    """What a table calls our fields, where ``columns`` names those that it calls otherwise."""
    return lambda field: columns.get(field, field)


def read_columns(written: Sequence[str]) -> dict[MailField, str]:
    """Pairs as people write them, ``body=text``; DataError for what is no pair, or names no field of ours."""
    known: dict[str, MailField] = {field: field for field in get_args(MailField)}
    columns: dict[MailField, str] = {}
    for pair in written:
        ours, _, theirs = pair.partition("=")
        if ours not in known or not theirs:
            raise DataError(
                f"--column {pair}: names no field and its column", f"write OURS=THEIRS; ours are {', '.join(known)}"
            )
        columns[known[ours]] = theirs
    return columns


def _read(position: int, mail: RawMail, names: Names) -> _Read | SetAside:
    try:
        return _Read(position, mail.origin, read_mail(mail, names).email)
    except DataError as error:
        return SetAside(position, mail.origin, error.message)
    except Exception as error:  # noqa: BLE001 (one mail must not end the run of a million)
        return _fail(position, mail.origin, "it could not be read", error)


def _answered(batch: Sequence[_Read | SetAside], engine: Engine) -> Iterable[Triaged | SetAside]:
    answers = iter(predict_each(engine, [one.email for one in batch if isinstance(one, _Read)]))
    for one in batch:
        if isinstance(one, SetAside):
            yield one
        elif isinstance(answer := next(answers), Exception):
            yield _fail(one.position, one.origin, "the model failed on it", answer)
        else:
            yield Triaged(one.position, one.origin, one.email.message_id, answer)


def _fail(position: int, origin: str, what: str, error: Exception) -> SetAside:
    # Only the type of the error: what it says may quote the mail.
    reason = f"{what}: {type(error).__name__}"
    logger.warning("%s: %s", origin, reason)
    return SetAside(position, origin, reason)
