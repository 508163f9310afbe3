"""Whether a label stays where the meaning does: deterministic rewritings of plain-text mails (behavioural invariance tests).

Ribeiro et al., Beyond Accuracy: Behavioral Testing of NLP Models with CheckList, ACL 2020.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apps.training.fitting.examples import Examples
from libs.common.domain.triage import Email
from libs.common.models.base import Classifier
from libs.common.stats.intervals import Interval, wilson_interval

# Four rewritings of each; the transformer needs about 20 ms an e-mail.
SAMPLE = 60
# One word in so many is mistyped: about one a line.
_EVERY = 12
_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Invariance:
    """One rewriting: the e-mails tried, the rows whose label changed, and the 95 % bounds of the share that keeps it."""

    rewriting: str
    count: int
    changed: tuple[int, ...]
    kept: Interval


def mistyped(email: Email) -> Email:
    """Two letters swapped within every twelfth longer word, in subject and body."""
    return replace(email, subject=_swap_letters(email.subject), body=_swap_letters(email.body))


def as_html(email: Email) -> Email:
    """The plain text as a mail program writes it in HTML."""
    lines = "".join(f"<div>{html.escape(line) or '<br>'}</div>" for line in email.body.splitlines())
    return replace(email, body=f'<html><body><div dir="ltr">{lines}</div></body></html>', is_html=True)


def quoted(email: Email) -> Email:
    """The text as it stands in an answer that adds nothing."""
    lines = "\n".join(f"> {line}" for line in email.body.splitlines())
    return replace(email, subject=f"Re: {email.subject}", body=f"On Monday, a colleague wrote:\n{lines}")


def in_lower_case(email: Email) -> Email:
    """As somebody writes who never uses the shift key."""
    return replace(email, subject=email.subject.lower(), body=email.body.lower())


REWRITINGS: dict[str, Callable[[Email], Email]] = {
    "typing errors": mistyped,
    "as HTML": as_html,
    "quoted in a reply": quoted,
    "all in lower case": in_lower_case,
}


def invariance(classifier: Classifier, holdout: Examples, predicted: NDArray[np.int64]) -> tuple[Invariance, ...]:
    """Each rewriting over at most 60 plain-text mails, spread over the holdout; none where there is no such mail.

    ``predicted`` are the answers (n,) to the mails as they are, as class numbers of the classifier.
    """
    plain = np.array([row for row, email in enumerate(holdout.emails) if not email.is_html], dtype=np.int64)
    if not len(plain):
        return ()
    rows = plain[np.unique(np.linspace(0, len(plain) - 1, min(SAMPLE, len(plain))).round().astype(np.int64))]
    emails = [holdout.emails[row] for row in rows.tolist()]
    found: list[Invariance] = []
    for name, rewrite in REWRITINGS.items():
        answers = classifier.predict([rewrite(email) for email in emails]).argmax(axis=1)
        changed = rows[answers != predicted[rows]]
        bounds = wilson_interval(len(rows) - len(changed), len(rows))
        found.append(Invariance(name, len(rows), tuple(changed.tolist()), bounds))
    return tuple(found)


def _swap_letters(text: str) -> str:
    words = 0

    def swapped(match: re.Match[str]) -> str:
        nonlocal words
        words += 1
        word = match[0]
        return word if words % _EVERY != 1 else word[0] + word[2] + word[1] + word[3:]

    return _WORD.sub(swapped, text)
