"""The demo's report: one HTML file that needs nothing else."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from apps.console.demo.account import Account, Chapter, chapters
from apps.console.demo.checks import Check, kept
from apps.console.demo.report_plots import draw
from libs.common.domain.model import ModelVersion
from libs.common.pages import facts, page, section, write_page


def write_report(path: Path, account: Account, checks: Sequence[Check], ended: datetime) -> Path:
    """Write the report to ``path``, whole or not at all."""
    return write_page(path, report(account, checks, ended))


def report(account: Account, checks: Sequence[Check], ended: datetime) -> str:
    """The whole page."""
    told = chapters(account, ended)
    sections = [
        _head(account, checks, ended),
        section("What was promised, and what was found", ("", "promise", "found"), map(_check_row, checks)),
        section("What happened", _CHAPTER_COLUMNS, (_chapter_row(account, chapter) for chapter in told)),
        f"<h2>Over time</h2>{draw(account, told)}",
        section("Models", _MODEL_COLUMNS, map(_model_row, account.models)),
        section("Promotions", ("promotion", "outcome", "gates", "approvals"), _promotion_rows(account)),
        section("Releases", ("version", "strategy", "began", "ended", "phase", "why"), _release_rows(account)),
        section("Alerts that the webhook received", ("after", "rule", "status", "value", "severity"), _alert_rows(account)),
        section("Answers and failures", ("", ""), _load_rows(account)),
    ]
    return page("triage: the whole life of a model", sections)


def _head(account: Account, checks: Sequence[Check], ended: datetime) -> str:
    counts, good = account.counts, kept(checks)
    said = (
        "Every promise was kept." if good else f"{sum(not each.ok for each in checks)} of {len(checks)} promises were broken."
    )
    figures = {
        "duration": f"{account.chronicle.seconds(ended) / 60:.1f} min",
        "e-mails answered": f"{counts.answers:,}",
        "requests failed": f"{counts.failed}",
        "p95 latency": f"{counts.p95_ms:.0f} ms",
        "audit records": f"{account.audit_records}",
    }
    when = f"{account.chronicle.began:%F %H:%M} UTC"
    return (
        f'<p class="lead">{when} · e-mails from {escape(account.source)}</p>'
        f'<p class="verdict {"good" if good else "bad"}">{said}</p>{facts(figures)}'
    )


def _check_row(check: Check) -> tuple[str, ...]:
    mark = '<span class="good">✓</span>' if check.ok else '<span class="bad">✗</span>'
    return mark, escape(check.name), escape(check.detail)


_CHAPTER_COLUMNS = ("", "what happened", "after", "version", "accuracy [95 %] (labels)", "traffic", "failed")


def _chapter_row(account: Account, chapter: Chapter) -> tuple[str, ...]:
    """The figures are of the traffic from this moment until the next."""
    moment, traffic = chapter.moment, chapter.traffic
    share = traffic.accuracy()
    bounds = _bounded(share.value, share.interval.low, share.interval.high)
    split = ", ".join(f"v{version} {part:.0%}" for version, part in traffic.traffic().items())
    answers = f"{len(traffic.emails):,} e-mails<br><small>{escape(split)}</small>" if traffic.emails else "–"
    return (
        str(chapter.number),
        f"<b>{escape(moment.title)}</b><br><small>{escape(moment.text)}</small>",
        f"{account.chronicle.seconds(moment.at):.0f} s",
        escape(moment.version) or "–",
        f"{bounds} ({share.count:,})" if share.count else "–",
        answers,
        _failures(traffic.failed),
    )


def _bounded(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _failures(failed: int) -> str:
    return f'<span class="{"bad" if failed else "good"}">{failed}</span>'


_MODEL_COLUMNS = ("version", "family", "stage", "accuracy [95 %]", "macro-F1", "calibration error", "p95", "memory", "dataset")


def _model_row(model: ModelVersion) -> tuple[str, ...]:
    found = model.classification
    return (
        f"<b>{escape(model.version)}</b>",
        f"{escape(model.family)}<br><small>{escape(model.architecture)}</small>",
        escape(model.stage),
        _bounded(found.accuracy, found.accuracy_low, found.accuracy_high) + f"<br><small>of {found.holdout_rows:,}</small>",
        f"{found.f1_score:.3f}",
        f"{found.calibration_error:.3f}",
        f"{found.inference_latency_p95_ms:.1f} ms",
        f"{model.deployment_requirements.memory_mb:,} MB",
        escape(model.training_details.dataset_version),
    )


def _promotion_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for promotion in account.promotions:
        gates = "".join(
            f"<li>{escape(f'{gate.gate}: {gate.verdict}')} <small>{escape(gate.found)}</small></li>" for gate in promotion.gates
        )
        votes = "<br>".join(
            escape(f"{'yes' if vote.approved else 'no'}: {vote.approver}, {vote.reason}") for vote in promotion.approvals
        )
        opened = f"<details><summary>{len(promotion.gates)} gates</summary><ul>{gates}</ul></details>"
        yield f"v{escape(promotion.version)} to {promotion.stage}", promotion.outcome, opened, votes or "automatic"


def _release_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for rollout in account.releases:
        ended = f"{account.chronicle.seconds(rollout.finished_at):.0f} s" if rollout.finished_at else "–"
        began = f"{account.chronicle.seconds(rollout.started_at):.0f} s"
        yield escape(rollout.candidate.version), rollout.strategy, began, ended, rollout.phase, escape(rollout.reason)


def _alert_rows(account: Account) -> Iterable[tuple[str, ...]]:
    for alert in account.alerts:
        after = f"{account.chronicle.seconds(alert.at):.0f} s"
        yield (
            after,
            f"{alert.rule}<br><small>{escape(alert.condition)}</small>",
            alert.status,
            f"{alert.value:.3f}",
            alert.severity,
        )


def _load_rows(account: Account) -> Iterable[tuple[str, str]]:
    counts = account.counts
    yield "e-mails sent", f"{counts.emails:,} in {counts.seconds:.0f} s, {counts.per_second:.1f} a second, open loop"
    yield "answered by version", escape(", ".join(f"v{version}: {times:,}" for version, times in counts.by_version.items()))
    yield "feedback reports", f"{counts.feedback:,}"
    yield (
        "failed",
        _failures(counts.failed) + escape("".join(f"; {times} × {problem}" for problem, times in counts.problems.items())),
    )
    yield "answered twice, strayed, without a version", f"{counts.answered_twice}, {counts.strayed}, {counts.unversioned}"
    yield "latency p50, p95, p99", f"{counts.p50_ms:.1f}, {counts.p95_ms:.1f}, {counts.p99_ms:.1f} ms"
    if box := account.mailbox:
        versions = ", ".join(f"v{version}" for version in box.versions)
        yield "a mailbox sent whole", escape(f"{box.answered} of {len(box.sent)} e-mails by {versions} in {box.seconds:.0f} s")
    yield "audit chain", escape(f"{account.audit_records} records; " + ("; ".join(account.audit_faults) or "every link holds"))
