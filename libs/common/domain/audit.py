"""The audit chain: each event carries the digest of the one before it, so that no past event can change unseen."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from libs.common.domain.value import Value

GENESIS = "0" * 64


class Role(StrEnum):
    """What a principal may do."""

    VIEWER = "viewer"
    ENGINEER = "engineer"
    APPROVER = "approver"
    SYSTEM = "system"


class Actor(Value):
    """Who did it: an authenticated person, or a part of the system (``flow:release_model``)."""

    name: str
    role: Role


class AuditEvent(Value):
    """One decision or change. ``details`` is JSON; ``digest`` covers every other field and ``previous``."""

    seq: int
    at: datetime
    actor: Actor
    action: str
    subject: str
    details: dict[str, Any]
    previous: str
    digest: str


class AuditHead(Value):
    """The newest record of a chain, as noted apart from it; 0 and GENESIS before the first."""

    seq: int = 0
    digest: str = GENESIS


def digest_of(
    seq: int, at: datetime, actor: Actor, action: str, subject: str, details: Mapping[str, Any], previous: str
) -> str:
    """SHA-256 over the canonical JSON (sorted keys, no spaces, UTC microseconds) of everything but the digest itself."""
    content = {
        "seq": seq,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor.model_dump(mode="json"),
        "action": action,
        "subject": subject,
        "details": details,
        "previous": previous,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def link(
    previous: AuditEvent | None, at: datetime, actor: Actor, action: str, subject: str, details: Mapping[str, Any]
) -> AuditEvent:
    """The next event of the chain after ``previous`` (None for the first)."""
    seq = previous.seq + 1 if previous else 1
    before = previous.digest if previous else GENESIS
    digest = digest_of(seq, at, actor, action, subject, details, before)
    return AuditEvent(
        seq=seq,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        details=dict(details),
        previous=before,
        digest=digest,
    )


def faults_in(events: Iterable[AuditEvent]) -> list[str]:
    """Every break of the chain, naming the record; empty when it is whole. A cut-off tail needs the head kept elsewhere."""
    faults: list[str] = []
    expected_seq, before = 1, GENESIS
    for event in events:
        if event.seq != expected_seq:
            faults.append(f"record {expected_seq} is missing: {event.seq} follows {expected_seq - 1}")
        if event.previous != before:
            faults.append(f"record {event.seq} does not follow from record {event.seq - 1}: its link is {event.previous[:12]}…")
        found = digest_of(event.seq, event.at, event.actor, event.action, event.subject, event.details, event.previous)
        if found != event.digest:
            faults.append(f"record {event.seq} ({event.action} of {event.subject}) was changed: its digest does not match")
        expected_seq, before = event.seq + 1, event.digest
    return faults


def faults_at(head: AuditHead, last: AuditEvent | None, noted: AuditEvent | None) -> list[str]:
    """What is wrong with the end of a chain that must hold ``head``.

    ``last`` is the newest record found, ``noted`` the one found with the head's number.
    """
    end = last.seq if last else 0
    if end < head.seq:
        gone = f"record {head.seq} is" if end + 1 == head.seq else f"records {end + 1}..{head.seq} are"
        return [f"{gone} missing at the end"]
    if noted is not None and noted.digest != head.digest:
        return [f"record {head.seq} is not the one that was noted as the head: it was replaced"]
    return []
