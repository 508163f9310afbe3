"""A mailbox that is sent whole: what was sent, what came back of it, and why one e-mail got its label. Pure."""

import json
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.features.json_mail import email_to_json

# What of an explanation people can find in the e-mail; facts and the bias are no words.
_WORDS = frozenset({"word", "pair", "subject", "opening", "closing", "characters"})


@dataclass(frozen=True, slots=True)
class MailAnswer:
    """What one e-mail of the mailbox was told to be, and by which version."""

    message_id: str
    label: str
    version: str


@dataclass(frozen=True, slots=True)
class TriagedMailbox:
    """``sent`` has the right label of each e-mail by its message id; ``seconds`` passed from the order to the end."""

    sent: Mapping[str, str]
    answers: Sequence[MailAnswer] = ()
    quarantined: int = 0
    seconds: float = 0.0

    @property
    def answered(self) -> int:
        """How many of the e-mails that were sent have an answer."""
        return len(self.sent.keys() & {answer.message_id for answer in self.answers})

    @property
    def twice(self) -> int:
        """How many answers are to an e-mail that has one already."""
        return sum(times - 1 for times in Counter(answer.message_id for answer in self.answers).values())

    @property
    def strayed(self) -> int:
        """How many answers are to no e-mail that was sent."""
        return sum(answer.message_id not in self.sent for answer in self.answers)

    @property
    def versions(self) -> tuple[str, ...]:
        """Who answered."""
        return tuple(sorted({answer.version for answer in self.answers}))

    @property
    def right(self) -> int:
        """How many answers are the right label."""
        return sum(self.sent.get(answer.message_id) == answer.label for answer in self.answers)


def numbered(mails: Iterable[LabelledEmail]) -> list[LabelledEmail]:
    """The mails, each with its source as its message id: mailboxes hold e-mails without one, and the same one twice."""
    return [replace(mail, email=replace(mail.email, message_id=mail.source)) for mail in mails]


def mailbox_lines(mails: Iterable[LabelledEmail]) -> bytes:
    """The mails as JSON lines, as a batch takes them: a table has no column for attachments, and the label stays here."""
    rows = (email_to_json(mail.email) for mail in mails)
    kept = ({name: value for name, value in row.items() if name != "attachments"} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept).encode()


def read_answers(lines: bytes) -> list[MailAnswer]:
    """The rows of a result in JSON lines; DataError where one is none."""
    try:
        rows = [json.loads(line) for line in lines.splitlines()]
        return [MailAnswer(row["message_id"], row["label"], row["version"]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"a row of the result is none: {error!r}", "see GET /v1/batch/{id}/result/{part} in docs/api.md"
        ) from error


def words_that_carried(reasons: Iterable[Mapping[str, Any]], most: int = 3) -> dict[str, float]:
    """The words that spoke most for the label, the strongest first, with the weight of all that was said of each."""
    weights: Counter[str] = Counter()
    for reason in reasons:
        if reason["kind"] in _WORDS:
            # Runs of characters are told by all that lies between two spaces.
            weights[reason["name"].strip(string.punctuation) or reason["name"]] += reason["weight"]
    return {word: weight for word, weight in weights.most_common(most) if weight > 0}
