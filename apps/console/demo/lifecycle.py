"""The ways that people have through the product, as the story takes them: flows by name, approvals by token, live traffic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from apps.console.demo.context import MODEL, Demo
from apps.console.demo.waiting import until
from libs.common.domain.audit import Actor, Role
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.model import ModelVersion, Stage
from libs.common.domain.promotion import Promotion, PromotionOutcome
from libs.common.domain.rollout import Rollout
from libs.common.domain.verdict import Verdict
from libs.common.errors import TriageError

ENGINEER, APPROVER, OWNER = "erin", "ada", "omar"
ROLES = {ENGINEER: Role.ENGINEER, APPROVER: Role.APPROVER, OWNER: Role.APPROVER}
# What only people can say of a version before it goes live.
HUMAN_EVIDENCE = {
    "business_approval": "the support team agrees to a release today",
    "production_readiness_checklist": "alerts reach a webhook, the runbook is known, on-call is Ada",
    "disaster_recovery_plan": "the last version stays warm; `triage rollback` was rehearsed",
}
_SETTLED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "MISSING")
_LOGS = "see the logs folder of the demo's home, and the Prefect UI"


@dataclass(frozen=True, slots=True)
class Begun:
    """A training that was started: its flow run, and the versions that there were before."""

    run: str
    known: frozenset[str]


def start_build(demo: Demo, name: str, relabel: Mapping[str, str]) -> str:
    """What `triage dataset build` does, on what the demo trains with; returns the flow run."""
    assert demo.mailing is not None
    parameters = {"name": name, "sources": [demo.mailing.training_uri], "recipe": None, "relabel": relabel}
    return demo.session.stores.orchestrator.start_flow("build_dataset", parameters)


def await_build(demo: Demo, name: str, run: str) -> DatasetVersion:
    """The version that a build has made."""
    await_flow(demo, "build_dataset", run, 180)
    return demo.session.stores.datasets.get(name, "latest")


def await_flow(demo: Demo, name: str, run: str, within_s: float) -> str:
    """Wait until a flow run is over; TriageError unless it completed."""
    orchestrator = demo.session.stores.orchestrator

    def settled() -> str | None:
        state = tell_flow(demo, name, run)
        return state if state in _SETTLED else None

    state = until(f"flow {name}", settled, within_s, _LOGS)
    if state != "COMPLETED":
        raise TriageError(f"flow {name} {state.lower()}: {orchestrator.message(run)}", _LOGS)
    return orchestrator.message(run)


def tell_flow(demo: Demo, name: str, run: str) -> str:
    """Show how far a flow run is; returns its state."""
    orchestrator = demo.session.stores.orchestrator
    state, progress = orchestrator.state(run), orchestrator.progress(run)
    demo.tell(f"{name}: {progress[1] if progress else state.lower()}")
    return state


def start_training(demo: Demo, dataset: DatasetVersion, families: list[str]) -> Begun:
    """What `triage train` does: families on a dataset version."""
    known = frozenset(model.version for model in demo.session.stores.registry.list(MODEL))
    parameters = {"model": MODEL, "dataset": dataset.name, "version": dataset.version, "families": families}
    return Begun(demo.session.stores.orchestrator.start_flow("train_model", parameters), known)


def await_training(demo: Demo, begun: Begun, within_s: float) -> list[ModelVersion]:
    """What a training has registered, the best first: it is registered last."""
    await_flow(demo, "train_model", begun.run, within_s)
    trained = [model for model in demo.session.stores.registry.list(MODEL) if model.version not in begun.known]
    if not trained:
        raise TriageError(f"flow run {begun.run} trained nothing", _LOGS)
    return sorted(trained, key=lambda model: int(model.version), reverse=True)


def ask_for_production(demo: Demo, version: str) -> None:
    """What `triage promote` does; the flow goes on by itself until it needs a person."""
    parameters = {"model": MODEL, "version": version, "to": Stage.PRODUCTION, "requested_by": ENGINEER, "strategy": "canary"}
    demo.session.stores.orchestrator.start_flow("promote_model", parameters)


def approve_all(demo: Demo, version: str, within_s: float = 90) -> None:
    """See a version through staging and production: its evidence first, then the approval that each stage waits for."""
    record_evidence(demo, version)
    for stage, approver in ((Stage.STAGING, APPROVER), (Stage.PRODUCTION, OWNER)):
        promotion = await_approval(demo, version, stage, within_s)
        approve(demo, promotion, approver, f"{len(promotion.gates)} gates passed, figures looked at")


def record_evidence(demo: Demo, version: str) -> None:
    """What `triage evidence record` does, by the product owner."""
    session = demo.session
    actor = session.stores.records.principals.authenticate(demo.tokens[OWNER])
    for gate, detail in HUMAN_EVIDENCE.items():
        session.stores.records.evidence.record(MODEL, version, gate, True, detail, actor.name, session.now)
        details = {"gate": gate, "passed": True, "detail": detail}
        session.stores.records.audit.append(actor, "evidence_recorded", f"{MODEL}/{version}", details, session.now)


def await_approval(demo: Demo, version: str, stage: Stage, within_s: float) -> Promotion:
    """The promotion of a version, once it is suspended for a person; TriageError when it was refused instead."""
    session = demo.session

    def waiting() -> Promotion | None:
        demo.tell(f"v{version}: gates of {stage}")
        found = [each for each in session.stores.records.promotions.list(MODEL) if each.version == version]
        require_not_refused(found)
        asked = [each for each in found if each.stage is stage and each.outcome is PromotionOutcome.WAIT]
        suspended = [each for each in asked if session.stores.orchestrator.state(each.flow_run_id) == "SUSPENDED"]
        return suspended[0] if suspended else None

    return until(f"approval of v{version} for {stage}", waiting, within_s, _LOGS)


def require_not_refused(promotions: Iterable[Promotion]) -> None:
    """TriageError that names the open gates, where one of the promotions was refused."""
    for each in promotions:
        if each.outcome is PromotionOutcome.REFUSE:
            open_gates = [
                f"{gate.gate}: {gate.verdict} ({gate.found})" for gate in each.gates if gate.verdict is not Verdict.PASS
            ]
            raise TriageError(f"v{each.version} was refused for {each.stage}: {'; '.join(open_gates)}", _LOGS)


def approve(demo: Demo, promotion: Promotion, approver: str, reason: str) -> None:
    """What `triage approve` does."""
    from flows.approvals import approve as record_vote

    session = demo.session
    record_vote(session.stores, promotion.id, demo.tokens[approver], True, reason, session.now)


def add_principal(demo: Demo, name: str, role: Role) -> str:
    """What `triage principal add` does; returns the token."""
    session = demo.session
    token = session.stores.records.principals.add(name, role)
    operator = Actor(name="operator", role=Role.SYSTEM)
    session.stores.records.audit.append(operator, "principal_added", name, {"role": role}, session.now)
    return token


def release_of(demo: Demo, version: str) -> Rollout | None:
    """The newest release of a version."""
    rollouts = demo.session.stores.records.rollouts.list(MODEL)
    return next((each for each in reversed(rollouts) if each.candidate.version == version), None)


def await_release(demo: Demo, version: str, within_s: float) -> Rollout:
    """The release of a version, once it is over (or waits for a person)."""

    def over() -> Rollout | None:
        rollout = release_of(demo, version)
        if rollout is None:
            demo.tell(f"v{version}: the release starts")
            return None
        demo.tell(f"v{version}: {rollout.phase}, {rollout.weight:.0%} of the traffic")
        return rollout if rollout.phase.final or rollout.phase == "paused" else None

    return until(f"release of v{version}", over, within_s, _LOGS)


def await_traffic(demo: Demo, version: str, within_s: float) -> Rollout:
    """The release of a version, once it has a share of the traffic, or is over already."""

    def begun() -> Rollout | None:
        rollout = release_of(demo, version)
        started = rollout is not None and (rollout.phase.final or rollout.weight > 0)
        demo.tell(f"v{version}: its slot comes up")
        return rollout if started else None

    return until(f"first traffic of v{version}", begun, within_s, _LOGS)


def measured_since(demo: Demo, metric: str, seconds: float) -> float | None:
    """The newest value of a metric within so many seconds."""
    session = demo.session
    found = session.stores.records.measurements.between(MODEL, session.now - timedelta(seconds=seconds), session.now, metric)
    values = [each.value for each in found if each.value is not None]
    return values[-1] if values else None
