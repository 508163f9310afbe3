"""The e-mails that are sent, as JSON bodies: real ones where the corpus is there, else synthetic ones."""

from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson

from apps.training.reading.ingest import open_source
from libs.common.domain.triage import Email, LabelledEmail
from libs.common.features.json_mail import email_to_json

SYNTHETIC = "synthetic://?n=2000&seed=7"


@dataclass(frozen=True)
class Bodies:
    """The same e-mails as values and as the lines of ``path``."""

    emails: tuple[Email, ...]
    path: Path

    @property
    def first(self) -> bytes:
        """One of them, to try a service with."""
        return body_of(self.emails[0])


def write_bodies(corpus: Path | None, count: int, path: Path) -> Bodies:
    """A sample of ``count`` e-mails of ``corpus`` (None: synthetic ones), always the same, written to ``path``."""
    uri, recipe = (str(corpus), "spamassassin") if corpus else (SYNTHETIC, None)
    with TemporaryDirectory(prefix="triage-bench-") as landing:
        source = open_source(uri, recipe, Path(landing))
        mails = [mail.email for stretch in source.stretches for mail in stretch.read() if isinstance(mail, LabelledEmail)]
    said = [email for email in mails if email.subject.strip() or email.body.strip()]
    emails = tuple(Random(0).sample(said, min(count, len(said))))
    path.write_bytes(b"".join(body_of(email) + b"\n" for email in emails))
    return Bodies(emails, path)


def body_of(email: Email) -> bytes:
    """The JSON body of a request for ``email``."""
    return orjson.dumps(email_to_json(email))
