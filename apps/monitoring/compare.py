"""Candidate against stable, from the prediction log and the feedback of one release: verdicts, and the figures behind them.

Pure: the same log gives the same verdicts, to the bit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from apps.monitoring.trials import Labelled, Trial, assigned_to_candidate, draws, join_feedback
from libs.common.config.deployment_strategies import Analysis
from libs.common.domain.rollout import Comparison, Rollout
from libs.common.domain.triage import Feedback, Outcome, PredictionEvent
from libs.common.domain.verdict import Verdict
from libs.common.stats.intervals import wilson_interval
from libs.common.stats.sequential import Evidence, weigh_rates, weigh_share

# A 95th percentile under a limit means that at most this share is over it (ADR 8).
_P95_TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric, judged: it fails only where every piece of evidence rejects that the candidate is fit."""

    metric: str
    trial: Trial
    evidence: tuple[Evidence, ...]
    known: int
    needed: int

    def verdict(self, alpha: float) -> Verdict:
        """FAIL at any time; nothing else before enough is known; INCONCLUSIVE while the evidence leans against it."""
        if all(piece.rejects(alpha) for piece in self.evidence):
            return Verdict.FAIL
        if self.known < self.needed:
            return Verdict.INSUFFICIENT_DATA
        leaning = all(piece.doubts(alpha) for piece in self.evidence)
        return Verdict.INCONCLUSIVE if leaning else Verdict.PASS

    @property
    def figures(self) -> dict[str, float]:
        """Counts, shares of bad requests with 95 % bounds, and the wealth of each piece of evidence."""
        sides = {"candidate": self.trial.bad[self.trial.candidate], "stable": self.trial.bad[~self.trial.candidate]}
        figures = {f"{self.metric}.known": float(self.known), f"{self.metric}.needed": float(self.needed)}
        for side, bad in sides.items():
            interval = wilson_interval(int(bad.sum()), len(bad))
            figures[f"{self.metric}.{side}.count"] = float(len(bad))
            figures[f"{self.metric}.{side}.bad_share"] = float(bad.mean()) if len(bad) else 0.0
            figures[f"{self.metric}.{side}.low"] = interval.low
            figures[f"{self.metric}.{side}.high"] = interval.high
        figures[f"{self.metric}.wealth"] = min(piece.wealth for piece in self.evidence)
        return figures


def compare(
    events: Iterable[PredictionEvent], feedback: Iterable[Feedback], rollout: Rollout, analysis: Analysis
) -> Comparison:
    """The comparison since ``rollout.started_at``. ``analysis.alpha`` is shared evenly by the metrics that are judged."""
    requests = sorted(
        (event for event in events if event.model == rollout.model and event.at >= rollout.started_at),
        key=lambda event: (event.at, event.request_id),
    )
    labelled = draws(join_feedback(requests, feedback))
    judge = _judge_mirrored if rollout.schedule.mirror else _judge_split
    findings = judge(requests, labelled, rollout, analysis)
    alpha = analysis.alpha / len(findings)
    verdicts = {finding.metric: finding.verdict(alpha) for finding in findings if finding.needed or finding.known}
    figures = {name: value for finding in findings for name, value in finding.figures.items()}
    return Comparison(verdicts=verdicts, figures={**figures, "alpha": alpha})


def _judge_split(
    requests: Sequence[PredictionEvent], labelled: Sequence[Labelled], rollout: Rollout, analysis: Analysis
) -> list[Finding]:
    """Traffic is split: are bad events more often the candidate's than its share of the traffic explains?"""
    began = rollout.step_started_at or rollout.started_at
    in_step = sum(assigned_to_candidate(event) for event in requests if event.at >= began)
    answered = [pair for pair in labelled if pair.event.outcome is Outcome.OK]
    errors = Trial.of(requests, [event.outcome is not Outcome.OK for event in requests])
    slow = Trial.of(requests, [event.latency_ms > analysis.latency_limit_ms for event in requests])
    wrong = Trial.of([pair.event for pair in answered], [pair.wrong for pair in answered])
    over_limit = weigh_share(slow.bad[slow.candidate], _P95_TAIL)
    return [
        Finding("errors", errors, (_weigh(errors),), in_step, analysis.min_requests),
        Finding("latency", slow, (_weigh(slow), over_limit), in_step, analysis.min_requests),
        Finding("accuracy", wrong, (_weigh(wrong),), int(wrong.candidate.sum()), analysis.min_labels),
    ]


def _judge_mirrored(
    requests: Sequence[PredictionEvent], labelled: Sequence[Labelled], rollout: Rollout, analysis: Analysis
) -> list[Finding]:
    """Both answer every request: where exactly one of them is right, is it more often stable? (McNemar's pairs)"""
    began = rollout.step_started_at or rollout.started_at
    mirrored = [event for event in requests if event.mirror_label is not None]
    in_step = sum(event.at >= began for event in mirrored)
    differs = Trial.mirrored([event.mirror_label != event.label for event in mirrored])
    pairs = [pair for pair in labelled if pair.event.mirror_label is not None]
    wrong = Trial.mirrored([pair.mirror_wrong for pair in pairs])
    discordant = np.array([pair.mirror_wrong for pair in pairs if pair.wrong != pair.mirror_wrong], dtype=bool)
    lost = weigh_rates(discordant, np.full(len(discordant), 0.5))
    disagreement = weigh_share(differs.bad, analysis.max_disagreement)
    return [
        Finding("disagreement", differs, (disagreement,), in_step, analysis.min_requests),
        Finding("accuracy", wrong, (lost,), len(pairs), analysis.min_labels),
    ]


def _weigh(trial: Trial) -> Evidence:
    split = trial.bad & (trial.shares > 0) & (trial.shares < 1)
    return weigh_rates(trial.candidate[split], trial.shares[split])
