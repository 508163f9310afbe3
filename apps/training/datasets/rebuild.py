"""A version built again from its lineage, to see whether it comes out the same; nothing is committed."""

from collections.abc import Iterator, Sequence

from apps.training.datasets.build import BuildRequest, drafted
from apps.training.provenance import Stamp
from apps.training.reading.feedback import FEEDBACK_URI
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.progress import Watch, unwatched
from libs.common.domain.triage import Feedback
from libs.common.errors import DataError


def request_of(version: DatasetVersion, **limits: float) -> BuildRequest:
    """What was asked for when ``version`` was built, feedback apart; ``limits`` are those of a `BuildRequest`."""
    made = version.lineage
    return BuildRequest(
        name=version.name,
        sources=tuple(source.uri for source in made.sources if source.uri != FEEDBACK_URI),
        recipe=made.recipe,
        seed=made.seed,
        order=made.order,
        relabel=made.relabel,
        holdout=made.holdout,
        folds=made.folds,
        **limits,
    )


def rebuild(
    version: DatasetVersion,
    stamp: Stamp,
    feedback: Sequence[Feedback],
    watch: Watch = unwatched,
) -> DatasetVersion:
    """What the lineage of ``version`` gives today, on the connected Ray; ``feedback`` is all there is, its own is chosen here.

    DataError where a source can't be read any more.
    """
    learned = any(source.uri == FEEDBACK_URI for source in version.lineage.sources)
    known = [given for given in feedback if given.at <= version.created_at] if learned else []
    request = request_of(version, min_quality=0.0)  # it was good enough once
    with drafted(request, stamp, None, known, watch=watch) as (_, draft):
        return draft


def require_same(committed: DatasetVersion, again: DatasetVersion) -> str:
    """Says that a version came out the same; DataError names what differs first."""
    if difference := first_difference(committed, again):
        raise DataError(f"{committed.tag} comes out differently: {difference}", "see its lineage: triage dataset show")
    return f"{committed.tag} comes out the same: SHA-256 {committed.digest}"


def first_difference(committed: DatasetVersion, again: DatasetVersion) -> str:
    """What differs between a version and its rebuild, the likeliest cause; empty where the digest is the same."""
    if committed.digest == again.digest:
        return ""
    return next(_differences(committed, again))


def _differences(committed: DatasetVersion, again: DatasetVersion) -> Iterator[str]:
    there = {source.uri: source for source in again.lineage.sources}
    for source in committed.lineage.sources:
        if source.uri not in there:
            yield f"the source {source.uri} is gone: it gave {source.rows} e-mails"
        elif (found := there[source.uri].digest) != source.digest:
            yield f"the source {source.uri} was changed: SHA-256 {found[:12]}…, then it was {source.digest[:12]}…"
    for named, then, today in (
        ("code commit", committed.lineage.code_commit, again.lineage.code_commit),
        ("configuration", committed.lineage.config_digest, again.lineage.config_digest),
        ("number of e-mails", committed.rows, again.rows),
        ("count of classes", committed.classes, again.classes),
        ("count of splits", committed.splits, again.splits),
    ):
        if then != today:
            yield f"the {named} is {today}, it was {then}"
    yield "the e-mails themselves: every source, count and setting is the same"
