"""Feedback as a source: the e-mails that people handed over with their corrections, given or read from a records database.

postgres://host/database · postgresql://… · sqlite:////path/records.db: only read; never made, migrated or written to.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from apps.training.reading.corpora import Quarantined
from apps.training.reading.sources import Source
from libs.common.domain.triage import Email, Feedback, LabelledEmail
from libs.common.errors import DataError, StoreError
from libs.common.features.json_mail import email_to_json

FEEDBACK_URI = "feedback:"
_SCHEMES = ("postgres", "postgresql", "sqlite")
_PART_CHARS = 300_000
_Correction = tuple[Email, str, str]  # the mail, its right label, and the request it came with


@dataclass(frozen=True, slots=True)
class FeedbackStretch:
    """People's corrections that came with their e-mail."""

    given: tuple[_Correction, ...]

    @property
    def mails(self) -> int:
        """One a correction."""
        return len(self.given)

    def read(self) -> Iterator[LabelledEmail | Quarantined]:
        """The corrected mails."""
        return (LabelledEmail(email, label, row_name(key)) for email, label, key in self.given)


def row_name(request_id: str) -> str:
    """What the row of a correction is called."""
    return f"{FEEDBACK_URI}{request_id}"


def is_records(uri: str) -> bool:
    """Whether an address is that of a records database."""
    return urlsplit(uri).scheme.partition("+")[0] in _SCHEMES


def stored_feedback(uri: str) -> Source:
    """The feedback that a records database of ours holds; DataError where it is away, or is none of ours."""
    from libs.common.stores.records import open_records

    _refuse_password(uri)
    try:
        with closing(open_records(uri)) as records:
            given = records.feedback.handed_over()
    except StoreError as error:
        hint = "name the records database of an installation of triage, and see that it runs and can be reached"
        raise DataError(error.message, hint) from error
    return replace(feedback_source(given), uri=uri)


def feedback_source(feedback: Sequence[Feedback]) -> Source:
    """Feedback as a source; corrections without an e-mail teach nothing and are left out. The last word on a request counts."""
    ordered = sorted(feedback, key=lambda given: (given.at, given.reporter, given.label))
    latest = {given.request_id: given for given in ordered if given.email is not None}
    corrections = tuple(one for _, one in sorted(latest.items()))
    given = tuple((one.email, one.label, one.request_id) for one in corrections if one.email is not None)
    texts = (json.dumps([email_to_json(email), label, key], sort_keys=True) for email, label, key in given)
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    return Source(FEEDBACK_URI, digest, tuple(FeedbackStretch(part) for part in _parted(given)), corrections)


def _refuse_password(uri: str) -> None:
    # Lineage keeps the addresses of all sources, and a retraining reads them again.
    parts = urlsplit(uri)
    if parts.password or "password" in dict(parse_qsl(parts.query)):
        where = f"{parts.scheme}://{parts.username or ''}:***@{parts.hostname or ''}{parts.path}"
        hint = "leave it out, and give it in PGPASSWORD or in a .pgpass file where `triage up` was started"
        raise DataError(f"{where} holds a password, which the lineage of the dataset would keep", hint)


def _parted(given: tuple[_Correction, ...]) -> Iterator[tuple[_Correction, ...]]:
    """Corrections travel inside the task that reads them, and Ray wants tasks below 1 MiB."""
    part: list[_Correction] = []
    chars = 0
    for one in given:
        size = len(one[0].subject) + len(one[0].body)
        if part and chars + size > _PART_CHARS:
            yield tuple(part)
            part, chars = [], 0
        part.append(one)
        chars += size
    if part:
        yield tuple(part)
