"""What the product itself can show of a summarizer before it is promoted, as `apps.training.evaluation.checks` does."""

from collections.abc import Sequence

import numpy as np

from apps.training.evaluation.checks import MAX_FLIPS, NO_CHAMPION, REWRITINGS, Finding, regression, too_few
from apps.training.summaries.examples import SummaryExamples
from libs.common.domain.triage import Email
from libs.common.models.base import Summarizer
from libs.common.stats.rouge import KINDS, rouge

_SAMPLE = 100
_ALONE = 20
# A blank line ends a sentence, and so it may end a line as well.
_MEANING_MORE = ("blank lines",)


def check_lines(summarizer: Summarizer, emails: Sequence[Email]) -> Finding:
    """``unit_tests_pass``: a line is one line, of nothing there is none, and rewritings and company change nothing."""
    sample = list(emails[:_SAMPLE])
    lines = lines_of(summarizer, sample)
    faults = [*_faults_in_lines(summarizer, lines), *_changes(summarizer, sample, lines)]
    detail = "; ".join(faults) or f"lines, batches and rewritings of {len(sample)} e-mails hold"
    return Finding("unit_tests_pass", not faults, detail)


def _faults_in_lines(summarizer: Summarizer, lines: Sequence[str]) -> list[str]:
    faults: list[str] = []
    if broken := sum(len(line.splitlines()) > 1 for line in lines):
        faults.append(f"{broken} of {len(lines)} lines are several")
    if any(lines_of(summarizer, [Email(message_id="<empty@example.org>", sender="", subject="", body="")])):
        faults.append("an e-mail that says nothing gets a line")
    return faults


def _changes(summarizer: Summarizer, sample: Sequence[Email], lines: Sequence[str]) -> list[str]:
    alone = [line for email in sample[:_ALONE] for line in lines_of(summarizer, [email])]
    found = {"being alone": _share_changed(alone, lines[:_ALONE])}
    for name, rewrite in REWRITINGS.items():
        if name not in _MEANING_MORE:
            found[name] = _share_changed(lines_of(summarizer, [rewrite(email) for email in sample]), lines)
    return [
        f"{name} changes {share:.1%} of lines (at most {MAX_FLIPS:.0%})" for name, share in found.items() if share > MAX_FLIPS
    ]


def _share_changed(lines: Sequence[str], before: Sequence[str]) -> float:
    return sum(line != other for line, other in zip(lines, before, strict=True)) / max(1, len(before))


def check_summary_regression(candidate: Summarizer, champion: Summarizer | None, holdout: SummaryExamples) -> Finding:
    """``performance_regression_test``: by ROUGE-1 on the same untouched mails, not worse than the champion by the margin.

    ``holdout`` are mails that neither has learned from.
    """
    if champion is None:
        return NO_CHAMPION
    if finding := too_few(len(holdout)):
        return finding
    kind = KINDS[0]
    ours, theirs = (rouge(lines_of(each, holdout.emails), holdout.references)[:, 0] for each in (candidate, champion))
    return regression(f"{kind} F", np.asarray(ours - theirs))


def check_summary_integration(lines: Sequence[str], from_registry: Sequence[str]) -> Finding:
    """``integration_tests_pass``: loaded the way other teams load it, the version says what it says in process."""
    differing = sum(line != other for line, other in zip(lines, from_registry, strict=True))
    detail = f"{len(lines) - differing} of {len(lines)} lines agree between mlflow.pyfunc and the artifact itself"
    return Finding("integration_tests_pass", differing == 0, detail)


def lines_of(summarizer: Summarizer, emails: Sequence[Email]) -> list[str]:
    """What it says of each."""
    return [summary.text for summary in summarizer.summarize(emails)]
