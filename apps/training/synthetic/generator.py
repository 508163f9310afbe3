"""Draws one e-mail after another: the same seed gives the same mailbox, and any stretch of it can be drawn by itself."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from apps.training.synthetic.dressing import Dressing, dress
from libs.common.domain.triage import Email, LabelledEmail

LABEL_NOISE = 0.025
_THREAD_SHARE = 0.35  # of mails that answer an earlier one
_OFF_TOPIC = 0.12  # of sentences that come from another category
_MISLEADING = 0.03  # of mails whose subject is another category's
_BLOCK = 50  # mails that are drawn together; a thread never leaves its block
_START = datetime(2026, 1, 5, 8, tzinfo=UTC)

Vocabulary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a thread is about: every mail of it shares label, subject and the words that fill the slots."""

    label: str
    subject: str
    root_id: str
    filled: dict[str, str]


def generate(n: int, seed: int = 0, drift: float = 0.0, start: int = 0) -> Iterator[LabelledEmail]:
    """E-mails ``start`` to ``start + n`` of the mailbox ``seed``; ``drift`` in 0…1 moves words, senders, lengths and mix."""
    for block in range(start // _BLOCK, (start + n - 1) // _BLOCK + 1):
        for offset, mail in enumerate(_draw_block(block, seed, drift)):
            if start <= block * _BLOCK + offset < start + n:
                yield mail


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """What the mailboxes talk about; see vocabulary.yaml."""
    return yaml.safe_load((Path(__file__).parent / "vocabulary.yaml").read_text())


def categories() -> tuple[str, ...]:
    """Every label that is drawn, sorted."""
    return tuple(sorted(vocabulary()["categories"]))


def _draw_block(block: int, seed: int, drift: float) -> Iterator[LabelledEmail]:
    draw = random.Random(f"{seed}:{drift}:{block}")
    threads: list[tuple[_Topic, Email]] = []
    for offset in range(_BLOCK):
        number = block * _BLOCK + offset
        if threads and draw.random() < _THREAD_SHARE:
            place = draw.randrange(len(threads))
            topic, before = threads[place]
        else:
            topic, before, place = _open_topic(draw, f"{seed}.{drift:g}.{number}", drift), None, len(threads)
        email, summary = _write(draw, topic, before, number, drift)
        threads[place:] = [(topic, email), *threads[place + 1 :]]
        label = draw.choice(categories()) if draw.random() < LABEL_NOISE else topic.label
        yield LabelledEmail(email=email, label=label, source=f"synthetic:{seed}", summary=summary)


def _open_topic(draw: random.Random, identity: str, drift: float) -> _Topic:
    spoken = vocabulary()["categories"]
    names = categories()
    weights = [(1 - drift) * spoken[name]["weight"]["now"] + drift * spoken[name]["weight"]["later"] for name in names]
    label = draw.choices(names, weights)[0]
    filled = {slot: _pick(draw, words, drift) for slot, words in vocabulary()["slots"].items()}
    filled["number"] = str(draw.randrange(1000, 99_999))
    filled["amount"] = f"{draw.randrange(20, 9000)}.{draw.randrange(100):02d} EUR"
    titled = draw.choice(names) if draw.random() < _MISLEADING else label
    subject = _pick(draw, spoken[titled]["subjects"], drift).format_map(filled)
    return _Topic(label, subject, f"<{identity}@synthetic.example>", filled)


def _write(draw: random.Random, topic: _Topic, before: Email | None, number: int, drift: float) -> tuple[Email, str]:
    """One mail of a thread, and the first sentence of it that is to the point; an answer quotes what it answers."""
    sender = f"{topic.filled['person'].lower()}.{draw.choice('abcdefgh')}@{_pick(draw, vocabulary()['senders'], drift)}"
    message_id = topic.root_id if before is None else f"<{number}.{draw.randrange(10**9)}@synthetic.example>"
    said = _sentences(draw, topic, drift)
    written = Email(
        message_id=message_id,
        sender=sender,
        recipients=("inbox@triage.example",),
        subject=topic.subject if before is None else f"Re: {topic.subject}",
        body="\n".join(line for _, line in said),
        sent_at=_START + timedelta(minutes=7 * number + draw.randrange(5)),
        thread_id=topic.root_id,
    )
    dressed = dress(draw, Dressing(email=written, name=topic.filled["person"], answers=before, label=topic.label))
    summary = next((line for about, line in said if about == topic.label), "")
    return replace(written, body=dressed.body, is_html=dressed.is_html, attachments=dressed.attachments), summary


def _sentences(draw: random.Random, topic: _Topic, drift: float) -> list[tuple[str, str]]:
    """Each sentence of a mail with the category that it speaks of, "" where anybody could say it."""
    spoken, names = vocabulary()["categories"], categories()
    longest = 6 + round(6 * drift)
    lines: list[tuple[str, str]] = []
    for _ in range(draw.randint(2 + round(3 * drift), longest)):
        roll = draw.random()
        if roll < 0.3:
            lines.append(("", draw.choice(vocabulary()["shared"])))
        else:
            about = draw.choice(names) if roll < 0.3 + _OFF_TOPIC * 0.7 else topic.label
            lines.append((about, _pick(draw, spoken[about]["sentences"], drift)))
    return [(about, line.format_map(topic.filled)) for about, line in lines]


def _pick(draw: random.Random, words: dict[str, list[str]], drift: float) -> str:
    return draw.choice(words["later" if draw.random() < drift else "now"])
