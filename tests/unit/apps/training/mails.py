"""A small mailbox that is easy to learn: each label has its own words among common ones."""

import random
from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

from apps.training.fitting.examples import Examples
from libs.common.domain.triage import Email

WORDS = {
    "invoice": ["invoice", "payment", "due", "amount", "bank", "total", "overdue", "receipt"],
    "meeting": ["meeting", "agenda", "room", "calendar", "schedule", "tomorrow", "slides", "attend"],
    "spam": ["winner", "prize", "click", "free", "offer", "viagra", "lottery", "credit"],
}
COMMON = ["please", "the", "and", "you", "with", "for", "today", "thanks", "regards", "team", "hello", "we", "our", "all"]


def mailbox(count: int = 90, seed: int = 0, labels: tuple[str, ...] = tuple(WORDS)) -> Examples:
    """``count`` mails, their labels in turn, in five folds."""
    chance = random.Random(seed)
    chosen = [labels[number % len(labels)] for number in range(count)]
    emails = [_mail(number, label, chance) for number, label in enumerate(chosen)]
    return Examples(tuple(emails), tuple(chosen), tuple(number // len(labels) % 5 for number in range(count)))


def _mail(number: int, label: str, chance: random.Random) -> Email:
    words = chance.choices(WORDS[label], k=6) + chance.choices(COMMON, k=14)
    chance.shuffle(words)
    return Email(
        message_id=f"<{seeded(number)}@example.org>",
        sender="anne@example.org",
        subject=" ".join(chance.choices(WORDS[label] + COMMON, k=4)),
        body=" ".join(words) + ("!" if label == "spam" else "."),
    )


def read_only(emails: Iterable[Email]) -> list[Email]:
    """The same mails, of which nothing can be read but what ``content_of`` covers: the rest is an AttributeError."""
    return [
        cast(
            "Email",
            SimpleNamespace(subject=email.subject, body=email.body, is_html=email.is_html, attachments=email.attachments),
        )
        for email in emails
    ]


def seeded(number: int) -> str:
    """A message id that sorts."""
    return f"{number:06d}"
