"""One offline run: find the source, agree with what lies in the folder, make the parts that are missing, and sum up."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from apps.serving.batch.part_files import read_tally
from apps.serving.batch.plan import (
    MANIFEST,
    PARTS,
    Manifest,
    PartList,
    Tally,
    further,
    headway_of,
    parts_among,
    pending,
    require_same,
)
from apps.serving.batch.stretches import names_of
from apps.serving.batch.version import LIVE, find_version
from apps.serving.batch.workers import Assignment, Part, make_parts
from apps.serving.settings import Folders, replica_settings
from libs.common.config.model_serving import ModelServing
from libs.common.connect import Stores
from libs.common.domain.batch import Headway
from libs.common.domain.model import ModelVersion
from libs.common.domain.progress import Progress, Watch, unwatched
from libs.common.errors import DataError
from libs.common.sources.raw_mail import MailField
from libs.common.sources.raw_source import RawSource, find_source
from libs.common.stores.objects import Objects, open_objects

Tell = Callable[[Headway], None]


def untold(_: Headway) -> None:
    """For who does not want to know."""


@dataclass(frozen=True, slots=True)
class OfflineRequest:
    """Which source is triaged by which version, and where the answers go: a path, or an address in a bucket.

    ``columns`` says what a table calls our fields, where it calls them otherwise.
    """

    source: str
    out: str
    model: str = "email_classifier"
    version: str = LIVE
    columns: Mapping[MailField, str] = field(default_factory=dict[MailField, str])


@dataclass(frozen=True, slots=True)
class OfflinePlace:
    """What a run stands on: the stores, the settings, and the folder of fetched models."""

    stores: Stores
    serving: ModelServing
    folders: Folders


@dataclass(frozen=True, slots=True)
class OfflineSummary:
    """What lies in the folder now; ``mails`` and ``seconds`` are those of this run alone."""

    out: str
    model: str
    labels: Mapping[str, int]
    quarantined: int
    mails: int
    seconds: float

    def __str__(self) -> str:
        there = sum(self.labels.values()) + self.quarantined
        resumed = f", {there - self.mails:,} were there" if there > self.mails else ""
        rate = f"{self.mails / self.seconds:,.0f}" if self.seconds else "0"
        return (
            f"{self.out}: {there:,} e-mails by {self.model}, {self.quarantined:,} of them quarantined; "
            f"{self.mails:,} in {self.seconds:,.1f} s, {rate} e-mails/s{resumed}"
        )


def triage_source(
    request: OfflineRequest, place: OfflinePlace, watch: Watch = unwatched, tell: Tell = untold
) -> OfflineSummary:
    """Triage every e-mail of a source on Ray, which is joined or started where it is needed; goes on with a killed run.

    ``watch`` is told of the e-mails of this run, ``tell`` of all that lies in the folder; what it raises ends the run.
    DataError where the source can't be read, or the folder holds something else; ModelNotFound without a version.
    """
    began = time.monotonic()
    version = find_version(place.stores, request.model, request.version)
    settings = replica_settings(request.model, place.serving, place.stores.addresses, place.folders)
    target = _absolute(request.out)
    with TemporaryDirectory(prefix="triage-offline-") as landing:
        source = find_source(_absolute(request.source), Path(landing))
        source.require_mail(names_of(request.columns))
        manifest, out = _plan(source, request, version, place.serving.offline.batch_size), open_objects(target)
        done = _claim(out, manifest)
        before = [read_tally(out, number) for number in sorted(done)]
        parts = [Part(number, source.stretches[number]) for number in pending(manifest, done)]
        offline = place.serving.offline
        made = make_parts(parts, Assignment(version.ref, settings, manifest, target, offline.niceness), offline)
        headway, now = headway_of(manifest, before), list[Tally]()
        tell(headway)
        for tally in _watched(made, sum(part.stretch.mails for part in parts), watch):
            now.append(tally)
            headway = further(headway, tally)
            tell(headway)
    if not out.exists(PARTS):
        whole = PartList(parts=tuple(sorted((*before, *now), key=lambda tally: tally.part)))
        out.put_bytes(PARTS, whole.model_dump_json(indent=1).encode())
    return _sum_up(target, str(version.ref), before, now, time.monotonic() - began)


def _watched(made: Iterable[Tally], total: int, watch: Watch) -> Iterator[Tally]:
    """The same tallies; ``watch`` is told, at the beginning and after each, how many of the e-mails of this run are done."""
    began, done = time.monotonic(), 0
    watch(Progress(done=done, total=total, seconds=0))
    for tally in made:
        done += tally.mails
        watch(Progress(done=done, total=total, seconds=time.monotonic() - began))
        yield tally


def _absolute(uri: str) -> str:
    """An address that means the same to every process, wherever it stands."""
    return str(Path(uri).resolve()) if not urlsplit(uri).scheme else uri


def _plan(source: RawSource, request: OfflineRequest, version: ModelVersion, batch_size: int) -> Manifest:
    return Manifest(
        source=source.uri,
        source_digest=source.digest,
        columns=dict(request.columns),
        batch_size=batch_size,
        model=version.model_name,
        version=version.version,
        model_digest=version.digest,
        labels=version.labels,
        parts=tuple(stretch.mails for stretch in source.stretches),
    )


def _claim(out: Objects, manifest: Manifest) -> frozenset[int]:
    """The parts that lie in ``out``; DataError where what lies there is not of this run."""
    if out.exists(MANIFEST):
        require_same(manifest, Manifest.model_validate_json(out.get_bytes(MANIFEST)), out.uri)
        return parts_among(out.list("part-"))
    if there := out.list():
        raise DataError(
            f"{out.uri} holds {there[0]}, and no {MANIFEST}", "name a folder that is empty or does not exist: --out"
        )
    out.put_bytes(MANIFEST, manifest.model_dump_json(indent=1).encode())
    return frozenset()


def _sum_up(out: str, model: str, before: Sequence[Tally], now: Sequence[Tally], seconds: float) -> OfflineSummary:
    labels: Counter[str] = Counter()
    for tally in (*before, *now):
        labels.update(tally.labels)
    return OfflineSummary(
        out=out,
        model=model,
        labels=dict(labels.most_common()),
        quarantined=sum(tally.quarantined for tally in (*before, *now)),
        mails=sum(tally.mails for tally in now),
        seconds=seconds,
    )
