"""Who is to be forgotten, and what their mails have left in those of others: address, ids, threads, subjects, phrases."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cached_property
from typing import Any

from apps.training.erasure.phrases import ERASED, Phrases, phrases_of
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.features.cleaning import clean
from libs.common.features.mime import bare_subject, is_reply

Row = Mapping[str, Any]

_AT = r"(?:@|%40|&#0*64;|&#x0*40;|&commat;|=)"  # as links, HTML and bounce addresses write it
_FILE = r"(?:eml|mbox|mbx|pst|txt|csv|jsonl|parquet|zip|gz|vcf|ics|html?|pdf|asc)\b"  # mailboxes are named after people
_NAME = r"""(?:"[^"\n]{0,80}"|(?:[^\W\d][\w.'-]{0,30}[ \t]{1,3}){1,3})?[ \t]{0,3}"""  # bounded, against hostile text
_TOKEN = re.compile(r"[^\s<>\"'(),;&\[\]@]{1,300}@[^\s<>\"'(),;&\[\]]+|[^\s<>\"'(),;&\[\]]{16,}")
_MARKS = ".:!?"
_SHORTEST_ID = 16  # an id like "17" names a row of a table, and would be found in any text
_SHORTEST_SUBJECT = 12
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Subject:
    """Whose mail goes: all that was sent from ``sender``, or the one mail ``message_id``."""

    sender: str = ""
    message_id: str = ""

    @classmethod
    def of(cls, sender: str | None, message_id: str | None) -> "Subject":
        """From what was written; DataError unless it is exactly one address or one message id."""
        if bool(sender) == bool(message_id):
            raise DataError("exactly one of an address and a message id is needed", "write --sender or --message-id")
        if message_id:
            return cls(message_id=_bare(message_id))
        address = parseaddr(sender or "")[1].lower()
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
            raise DataError(f"'{sender}' is no address", "write --sender name@example.org")
        return cls(sender=address)

    @property
    def kind(self) -> str:
        """``sender`` or ``message_id``."""
        return "sender" if self.sender else "message_id"

    def wrote(self, row: Row) -> bool:
        """Whether the mail of a row is the subject's own."""
        if self.message_id:
            return _bare(row["message_id"] or "") == self.message_id
        return self.sender in str(row.get("sender") or "").lower() and parseaddr(row["sender"])[1].lower() == self.sender

    def digest(self, key: bytes) -> str:
        """HMAC-SHA-256: the same for the same subject, and no help in guessing it for whoever lacks the key."""
        return _keyed(key, f"{self.kind}:{self.sender or self.message_id}")


@dataclass(frozen=True)
class Traces:
    """What the subject's mails have left elsewhere; ``threads`` has when each thread first heard of them."""

    subject: Subject
    key: bytes
    ids: frozenset[str]
    threads: Mapping[str, datetime]
    subjects: frozenset[str]
    phrases: Phrases

    def is_gone(self, row: Row) -> bool:
        """Whether the mail goes as a whole: the subject's, or a copy of it among what was set aside without its sender."""
        return self.subject.wrote(row) or ("sender" not in row and _bare(row["message_id"] or "") in self.ids)

    def answers(self, row: Row) -> bool:
        """Whether a mail came later in a thread of the subject's, and so may quote it without any mark."""
        since, sent_at = self.threads.get(_bare(row.get("thread_id") or "")), row.get("sent_at")
        return since is not None and row["message_id"] != row["thread_id"] and (sent_at is None or sent_at > since)

    def name(self, name: str) -> str:
        """A message or thread id, with a stand-in where it is one of theirs: threads stay together under it."""
        theirs = _bare(name) in self.ids or (name.startswith("subject:") and name.removeprefix("subject:") in self.subjects)
        return f"erased-{_keyed(self.key, name)[:16]}" if theirs else self.plain(name)

    def headline(self, subject: str) -> str:
        """A subject line, without what it repeats of the subject's own."""
        repeats = is_reply(subject) and bare_subject(subject) in self.subjects
        return f"Re: {ERASED}" if repeats else self.plain(subject)

    def plain(self, text: str) -> str:
        """A text without the address (and the name before it) and the message ids."""
        if self._address and self.subject.sender.partition("@")[0] in text.lower():
            text = self._address.sub(ERASED, text)
        return _TOKEN.sub(self._without_id, text) if self._long_ids else text

    def everywhere(self, value: Any) -> Any:
        """``plain`` for every text in nested lists and mappings."""
        if isinstance(value, str):
            return self.plain(value)
        if isinstance(value, Mapping):
            return {self.everywhere(name): self.everywhere(found) for name, found in value.items()}  # pyright: ignore
        if isinstance(value, list | tuple):
            return [self.everywhere(found) for found in value]  # pyright: ignore
        return value

    @cached_property
    def _address(self) -> re.Pattern[str] | None:
        if not self.subject.sender:
            return None
        local, _, domain = self.subject.sender.rpartition("@")
        address = rf"(?<![\w.+%-]){re.escape(local)}{_AT}{re.escape(domain)}(?![\w-]|\.(?!{_FILE})\w)"
        return re.compile(rf"{_NAME}(?:<|&lt;){address}(?:>|&gt;)|{address}", re.IGNORECASE)

    @cached_property
    def _long_ids(self) -> frozenset[str]:
        return frozenset(name for name in self.ids if "@" in name or len(name) >= _SHORTEST_ID)

    def _without_id(self, token: re.Match[str]) -> str:
        word = token[0].rstrip(_MARKS)
        known = word in self._long_ids or word.rpartition(":")[2] in self._long_ids
        return ERASED + token[0][len(word) :] if known else token[0]


def gather(subject: Subject, rows: Callable[[], Iterable[Row]], key: bytes) -> Traces:
    """The traces of the mails that ``rows()``, which is read twice, holds of the subject.

    Only what the subject wrote is looked for elsewhere: neither what they quoted, nor a subject line that they answered, nor
    words that somebody else has written before them.
    """
    ids: set[str] = {subject.message_id} - {""}
    threads: dict[str, datetime] = {}
    began: set[str] = set()
    born: dict[tuple[str, ...], datetime] = {}
    lines: set[tuple[str, ...]] = set()
    for row in rows():
        if not subject.wrote(row):
            continue
        sent_at = row["sent_at"] or _ALWAYS
        names = {_bare(row["message_id"] or ""), _bare(row.get("thread_id") or "")} - {""}
        ids.add(_bare(row["message_id"] or ""))
        threads |= {name: min(sent_at, threads.get(name, sent_at)) for name in names}
        phrases = phrases_of(_own_text(row))
        if row["subject"] and not is_reply(row["subject"]):
            began.add(bare_subject(row["subject"]))
            phrases = phrases | phrases_of(row["subject"])
        born |= {run: min(sent_at, born.get(run, sent_at)) for run in phrases.runs}
        lines |= phrases.lines
    phrases = Phrases(frozenset(born) - _older(subject, rows, born), frozenset(lines))
    subjects = frozenset(bare for bare in began if len(bare) >= _SHORTEST_SUBJECT)
    return Traces(subject, key, frozenset(ids - {""}), threads, subjects, phrases)


def _older(
    subject: Subject, rows: Callable[[], Iterable[Row]], born: Mapping[tuple[str, ...], datetime]
) -> set[tuple[str, ...]]:
    """Those of the runs that somebody else wrote before: greetings, footers, and what the subject quotes without marks."""
    known, older = Phrases(frozenset(born)), set[tuple[str, ...]]()
    for row in rows() if born else ():
        if row["sent_at"] and not subject.wrote(row):
            older |= {run for run in known.of(_own_text(row)).runs if row["sent_at"] < born[run]}
    return older


def is_html(row: Row) -> bool:
    """Whether a mail's body is HTML; of what was set aside only the body can tell."""
    return bool(row["is_html"]) if "is_html" in row else "</" in (row["body"] or "")


def _own_text(row: Row) -> str:
    if "clean_text" in row:
        return row["clean_text"]
    return clean(Email("", "", row["subject"] or "", row["body"] or "", is_html(row))).text


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


def _keyed(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
