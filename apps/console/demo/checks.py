"""What must be true when the demo is over: each line is a promise of the product, and what was found of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.console.demo.account import CALM, DRIFTED, FRESH, Account
from apps.console.demo.windows import Share
from libs.common.domain.alert import AlertStatus
from libs.common.domain.rollout import RolloutPhase

_DRIFT_RULE = "data_drift_detected"


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, whether it was kept, and what was found."""

    name: str
    ok: bool
    detail: str


def check(account: Account) -> list[Check]:
    """Every check, in the order of the story."""
    return [
        _no_request_failed(account),
        _none_answered_twice(account),
        _every_answer_names_its_version(account),
        _every_answer_recorded(account),
        _mailbox_triaged_whole(account),
        _worse_model_rolled_back(account),
        _drift_alert_arrived(account),
        _drift_started_retraining(account),
        _retrained_model_released(account),
        _accuracy_recovered(account),
        _audit_chain_whole(account),
    ]


def kept(checks: Sequence[Check]) -> bool:
    """Whether every promise was kept."""
    return bool(checks) and all(each.ok for each in checks)


def _no_request_failed(account: Account) -> Check:
    counts = account.counts
    found = f"{counts.failed} of {counts.emails} e-mails and {counts.feedback} feedback reports"
    worst = "".join(f"; {times} × {problem}" for problem, times in list(counts.problems.items())[:3])
    return Check("no request failed", counts.emails > 0 and counts.failed == 0, found + worst)


def _none_answered_twice(account: Account) -> Check:
    counts = account.counts
    ok = counts.answers > 0 and counts.answered_twice == counts.strayed == account.logged_twice == 0
    found = (
        f"{counts.answered_twice} ids came back twice, {counts.strayed} on another request, {account.logged_twice} logged twice"
    )
    return Check("none was answered twice", ok, found)


def _every_answer_names_its_version(account: Account) -> Check:
    counts = account.counts
    known = {model.version for model in account.models}
    unknown = {version for version in counts.by_version if version not in known}
    listed = ", ".join(f"{version}: {times}" for version, times in counts.by_version.items())
    found = f"{counts.unversioned} without a version, {len(unknown)} unknown versions; answers by version {listed}"
    return Check("every answer names its version", counts.answers > 0 and counts.unversioned == 0 and not unknown, found)


def _every_answer_recorded(account: Account) -> Check:
    answers = account.counts.answers
    found = f"{account.unlogged} of {answers} answers are missing from the prediction log"
    return Check("every answer was recorded", answers > 0 and account.unlogged == 0, found)


def _mailbox_triaged_whole(account: Account) -> Check:
    """By the version that was live when it was sent: the other one was under test."""
    name, box = "a mailbox was triaged whole", account.mailbox
    if box is None:
        return Check(name, False, "none came back")
    whole = box.answered == len(box.sent) > 0 and box.twice == box.strayed == box.quarantined == 0
    by = ", ".join(f"v{version}" for version in box.versions) or "nobody"
    twice = f"{box.twice} twice" if box.twice else "none twice"
    others = "".join(f", {count} {what}" for count, what in ((box.strayed, "strayed"), (box.quarantined, "set aside")) if count)
    found = f"{box.answered} of {len(box.sent)} e-mails by {by}, {twice}{others}"
    return Check(name, whole and box.versions == (account.champion,), found)


def _worse_model_rolled_back(account: Account) -> Check:
    name = "the worse model was rolled back by itself"
    rollout = account.release_of(account.worse)
    if rollout is None:
        return Check(name, False, "it was never released")
    ok = rollout.phase is RolloutPhase.ROLLED_BACK and rollout.reason.startswith("worse than stable")
    answers = account.counts.by_version.get(account.worse, 0)
    return Check(name, ok, f"{rollout.phase} after {answers} answers: {rollout.reason}")


def _drift_alert_arrived(account: Account) -> Check:
    fired = [alert for alert in account.alerts if alert.rule == _DRIFT_RULE and alert.status is AlertStatus.FIRING]
    found = f"score {fired[0].value:.3f}, {fired[0].condition}" if fired else "the webhook received none"
    return Check("the drift alert arrived at the webhook", bool(fired), found)


def _drift_started_retraining(account: Account) -> Check:
    reasons = [reason for retraining in account.retrainings for reason in retraining.reasons]
    return Check("drift started the retraining", any("drift" in reason for reason in reasons), "; ".join(reasons) or "none")


def _retrained_model_released(account: Account) -> Check:
    name = "the retrained model was released through the canary"
    rollout = account.release_of(account.retrained)
    if rollout is None:
        return Check(name, False, "it was never released")
    steps = " → ".join(f"{weight:.0%}" for weight in rollout.schedule.weights)
    return Check(
        name, rollout.phase is RolloutPhase.SUCCEEDED and rollout.strategy == "canary", f"{rollout.phase} over {steps}"
    )


def _accuracy_recovered(account: Account) -> Check:
    """On e-mails that neither has seen, the new model must beat the old by more than chance explains."""
    before = account.accuracy(account.champion, (CALM,))
    fallen = account.accuracy(account.champion, (DRIFTED, FRESH))
    now = account.accuracy(account.retrained, (FRESH,))
    ok = min(before.count, fallen.count, now.count) > 0 and now.interval.low > fallen.value
    found = f"{_said(before)} before, {_said(fallen)} on drifted e-mails, {_said(now)} retrained"
    return Check("accuracy recovered on drifted e-mails", ok, found)


def _audit_chain_whole(account: Account) -> Check:
    found = f"{account.audit_records} records" + "".join(f"; {fault}" for fault in account.audit_faults)
    return Check("the audit chain is whole", account.audit_records > 0 and not account.audit_faults, found)


def _said(share: Share) -> str:
    if not share.count:
        return "no answer"
    return f"{share.value:.3f} [{share.interval.low:.3f}, {share.interval.high:.3f}] of {share.count}"
