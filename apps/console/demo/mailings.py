"""What the demo trains on and what it sends: two halves of one mailbox that never meet before feedback brings them together."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from apps.console.demo.account import CALM, DRIFTED, FRESH
from apps.console.demo.drift import drifted, new_names
from apps.console.demo.mail_stream import MailFolder
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.features.json_mail import email_to_json

# Enough that no part of a synthetic story sends an e-mail twice: 20 a second for over three minutes.
_PART_MAILS = 4_000
# A model that knows nothing of such mail is right on 85 % of it, after 97 % (2 000 e-mails to learn from, 1 000 to judge by).
_DRIFT = 0.65
# Of a corpus, one thread in five is kept back and sent; of those, so many tenths go to each part.
_KEPT_BACK = 0.2
_TENTHS = {CALM: 3, DRIFTED: 4, FRESH: 3}
# Seeds that no training uses: the parts of the live mailbox lie this far from the training mailbox's.
_SEEDS = {CALM: 1_000_003, DRIFTED: 2_000_003, FRESH: 3_000_017}


@dataclass(frozen=True, slots=True)
class Mailing:
    """The URI that the first dataset is built from, and how many e-mails each part of the traffic has."""

    training_uri: str
    description: str
    parts: dict[str, int]


def prepare(source: str, recipe: str | None, folder: Path) -> Mailing:
    """Write the mails of each part to ``folder``; the rest is for training. DataError when there are too few."""
    mails = MailFolder(folder)
    if source.startswith("synthetic://"):
        return _from_generator(source, mails)
    return _from_corpus(source, recipe, folder, mails)


def _from_generator(source: str, mails: MailFolder) -> Mailing:
    """The training mailbox as it is named; the traffic comes from other seeds."""
    from apps.training.synthetic import generate

    query = parse_qs(urlsplit(source).query)
    seed = int(query.get("seed", ["0"])[0])
    written = {
        part: mails.write(part, generate(_PART_MAILS, seed + offset, 0.0 if part == CALM else _DRIFT))
        for part, offset in _SEEDS.items()
    }
    return Mailing(source, source, written)


def _from_corpus(source: str, recipe: str | None, folder: Path, mails: MailFolder) -> Mailing:
    """Threads are dealt by a hash of their id, so that no thread is both trained on and sent."""
    from apps.training.reading.ingest import open_source

    found = open_source(source, recipe, folder / "fetched")
    read = (mail for part in found.stretches for mail in part.read())
    labelled = [mail for mail in read if isinstance(mail, LabelledEmail)]
    kept = [mail for mail in labelled if _lot(mail) < _KEPT_BACK]
    if len(kept) < 100:
        raise DataError(f"{source}: {len(labelled)} labelled e-mails are too few for a demo", "take a corpus of 500 or more")
    dealt = _deal(kept)
    written = {CALM: mails.write(CALM, dealt[CALM])}
    names = new_names(kept)
    for part in (DRIFTED, FRESH):
        written[part] = mails.write(part, drifted(dealt[part], names, seed=len(part)))
    training = folder.parent / "training.jsonl"
    count = _write_corpus(training, [mail for mail in labelled if _lot(mail) >= _KEPT_BACK])
    return Mailing(str(training), f"{source} ({count} e-mails to train on, {len(kept)} kept back and sent)", written)


def _lot(mail: LabelledEmail) -> float:
    """A number in 0…1 that depends on the thread alone."""
    thread = mail.email.thread_id or mail.email.message_id or mail.source
    return int.from_bytes(hashlib.sha256(thread.encode()).digest()[:6], "big") / 2**48


def _deal(kept: Sequence[LabelledEmail]) -> dict[str, list[LabelledEmail]]:
    parts: dict[str, list[LabelledEmail]] = {part: [] for part in _TENTHS}
    places = [part for part, tenths in _TENTHS.items() for _ in range(tenths)]
    # Corpora are often sorted by class; traffic that came class by class would be drift of its own.
    for mail in random.Random(0).sample(list(kept), len(kept)):
        # Attachments' names and sizes are not among the columns that training reads back from a table.
        parts[places[int(_lot(mail) / _KEPT_BACK * len(places))]].append(
            replace(mail, email=replace(mail.email, attachments=()))
        )
    return parts


def _write_corpus(path: Path, mails: Sequence[LabelledEmail]) -> int:
    rows = ({**email_to_json(mail.email), "label": mail.label} for mail in mails)
    lines = [json.dumps({name: value for name, value in row.items() if name != "attachments"}) + "\n" for row in rows]
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text("".join(lines), encoding="utf-8")
    unfinished.replace(path)
    return len(lines)
