"""Forgetting a person, or one mail: read what is there, judge it, put what is left in its place, and write it down.

The subject's own mails are what their traces in other mails are recognised by. So they go last: whoever is killed on the
way has lost nothing that the next run needs.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import datetime
from pathlib import Path
from typing import Any

from apps.training.erasure.erased_version import EMAILS, QUARANTINE, erased_version, traced_rows
from apps.training.erasure.erasure import erase_mail, row_of
from apps.training.erasure.traces import Row, Subject, Traces, gather
from apps.training.pipeline import Workplace
from libs.common.domain.dataset import DatasetVersion, Tombstone
from libs.common.domain.triage import Feedback
from libs.common.errors import StoreError
from libs.common.stores.datasets import sha256_of
from libs.common.stores.objects import Objects
from libs.common.stores.records.feedback import FeedbackStore
from libs.common.stores.records.traffic import TrafficStore
from libs.common.stores.registry import ModelRegistry
from libs.common.stores.rewriting import Kept, Replacement, Rewriting

KEY = "erasure/key"
_Pairs = list[tuple[Feedback, Feedback]]


@dataclass(frozen=True)
class Forgotten:
    """What an erasure has changed, or would change.

    ``models`` were trained on what a version lost, now or in an earlier run; ``audit_records`` name the subject, and stay.
    """

    subject: str
    versions: tuple[tuple[str, Tombstone], ...]
    feedback_removed: int
    feedback_rewritten: int
    models: tuple[str, ...]
    audit_records: tuple[int, ...]


def forget(place: Workplace, models: Sequence[str], subject: Subject, reason: str, dry_run: bool) -> Forgotten:
    """Leave nothing of the subject in any dataset version, feedback or kept answer; a killed run is finished by the next."""
    stores, feedback = place.stores, place.stores.records.feedback
    key = _key(stores.objects, dry_run)
    with stores.datasets.rewriting() as workspace, workspace.scratch() as scratch:
        if not dry_run:
            workspace.begin()
        traces = gather(subject, lambda: _traced(workspace, feedback, scratch), key)
        stone = _stone(place, traces, reason)
        replacements = _replacements(workspace, traces, stone, scratch)
        own, others = _feedback_changes(feedback, traces)
        standing = _standing(workspace, replacements)
        if not dry_run:
            feedback.replace(others)
            workspace.replace(replacements)
            feedback.replace(own)
            feedback.scrub()
            _drop_answers(stores.records.traffic, models, place.now)
    former = {digest for version in standing for digest in _former(version, stone.subject)}
    forgotten = Forgotten(
        subject=stone.subject,
        versions=tuple((one.version.tag, one.version.erased[-1]) for one in replacements),
        feedback_removed=len(own),
        feedback_rewritten=len(others),
        models=_trained_on(stores.registry, models, former) if former else (),
        audit_records=_naming(place, traces),
    )
    if not dry_run:
        details = _details(forgotten, subject, stone, standing)
        stores.records.audit.append(place.actor, "forgotten", f"{subject.kind}:{stone.subject[:16]}", details, place.now)
    return forgotten


def _drop_answers(traffic: TrafficStore, models: Sequence[str], now: datetime) -> None:
    """Have every replica drop the answers it keeps, when it next reads the traffic."""
    for model in models:
        traffic.change(model, lambda row: row.model_copy(update={"forgotten_at": now}) if row.revision else row)


def _key(objects: Objects, dry_run: bool) -> bytes:
    """The installation's own key, made at its first erasure."""
    if not objects.exists(KEY):
        if dry_run:
            return secrets.token_bytes(32)
        objects.put_bytes(KEY, secrets.token_bytes(32))
    return objects.get_bytes(KEY)


def _stone(place: Workplace, traces: Traces, reason: str) -> Tombstone:
    """The tombstone of this run, without what only the version it stands in can say."""
    return Tombstone(
        at=place.now,
        by=place.actor.name,
        reason=traces.plain(reason),
        subject=traces.subject.digest(traces.key),
        digest="",
        rows=0,
        rewritten=0,
        quarantined=0,
    )


def _traced(workspace: Rewriting, feedback: FeedbackStore, scratch: Path) -> Iterator[Row]:
    read: set[Path] = set()
    for kept in workspace.versions:
        files = _files(workspace, kept, scratch)
        for path in (files[name] for name in (EMAILS, QUARANTINE) if name in files):
            if path not in read:
                read.add(path)
                yield from traced_rows(path)
    for report in feedback.every():
        if report.email:
            yield row_of(report.email)


def _files(workspace: Rewriting, kept: Kept, scratch: Path) -> dict[str, Path]:
    """The files of a version, each fetched once; StoreError for one that is not as it was committed."""
    files: dict[str, Path] = {}
    for name, digest in kept.version.files.items():
        path = scratch / digest
        if not path.exists():
            if not workspace.fetch(kept, name, path):
                continue
            if (found := sha256_of(path)) != digest:
                path.unlink()
                wrong = f"{kept.version.tag}: {name} was changed: SHA-256 {found[:12]}…, committed was {digest[:12]}…"
                raise StoreError(wrong, "restore it first, or remove the version: nobody can say what was in it")
        files[name] = path
    return files


def _replacements(workspace: Rewriting, traces: Traces, stone: Tombstone, scratch: Path) -> list[Replacement]:
    found: list[Replacement] = []
    for number, kept in enumerate(sorted(workspace.versions, key=lambda kept: (kept.version.created_at, kept.version.tag))):
        files = _files(workspace, kept, scratch)
        version, written = erased_version(kept.version, files, scratch / f"new-{number}", traces, stone)
        if version is not kept.version:
            found.append(Replacement(kept, version, written))
    return found


def _standing(workspace: Rewriting, replacements: Sequence[Replacement]) -> list[DatasetVersion]:
    """Every version as it will be."""
    new = {one.kept.manifest: one.version for one in replacements}
    return [new.get(kept.manifest, kept.version) for kept in workspace.versions]


def _feedback_changes(feedback: FeedbackStore, traces: Traces) -> tuple[_Pairs, _Pairs]:
    """Reports whose mail goes (label and request stay: they say nothing of the person), and others that change."""
    own: _Pairs = []
    others: _Pairs = []
    for report in feedback.every():
        if report.email and traces.is_gone({"sender": report.email.sender, "message_id": report.email.message_id}):
            own.append((report, erase_mail(changed(report, email=None), traces)))
        elif (left := erase_mail(report, traces)) != report:
            others.append((report, left))
    return own, others


def _former(version: DatasetVersion, subject: str) -> Iterator[str]:
    """Every digest that a version had while the subject's mail was in it."""
    for place, stone in enumerate(version.erased):
        if stone.subject == subject and (stone.rows or stone.rewritten):
            yield from (before.digest for before in version.erased[: place + 1])


def _trained_on(registry: ModelRegistry, models: Sequence[str], digests: set[str]) -> tuple[str, ...]:
    known = (version for name in models for version in registry.list(name))
    return tuple(f"{found.ref} ({found.stage})" for found in known if found.training_details.dataset_digest in digests)


def _naming(place: Workplace, traces: Traces) -> tuple[int, ...]:
    events = place.stores.records.audit.events()
    spoken = ((event.seq, event.model_dump(mode="json")) for event in events)
    return tuple(seq for seq, event in spoken if traces.everywhere(event) != event)


def _details(forgotten: Forgotten, subject: Subject, stone: Tombstone, standing: Sequence[DatasetVersion]) -> dict[str, Any]:
    """For the audit chain: by the tombstones, so that it also tells what a killed run has done."""
    stones = {version.tag: [one for one in version.erased if one.subject == stone.subject] for version in standing}
    return {
        "kind": subject.kind,
        "subject": stone.subject,
        "reason": stone.reason,
        "versions": {
            tag: {name: sum(getattr(one, name) for one in found) for name in ("rows", "rewritten", "quarantined")}
            for tag, found in sorted(stones.items())
            if found
        },
        "feedback_removed": forgotten.feedback_removed,
        "feedback_rewritten": forgotten.feedback_rewritten,
        "models": list(forgotten.models),
    }
