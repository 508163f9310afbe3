"""`triage promote`, `approve`, `reject`, `promotions` and `evidence`: the way of a version through the stages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table
from libs.common.config.promotion_pipeline import PromotionPipeline
from libs.common.domain.model import Stage
from libs.common.domain.promotion import Promotion, PromotionOutcome
from libs.common.errors import PromotionRefused

evidence_app = typer.Typer(help="What people and tools have found of a version.", no_args_is_help=True)

Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; it stands in the audit chain.")]


def promote(
    model: str,
    version: str,
    to: Annotated[Stage, typer.Option(help="The stage to reach.")] = Stage.PRODUCTION,
    strategy: Annotated[
        str, typer.Option(help="How it is then released: canary, blue_green or shadow. Default: as configured.")
    ] = "",
    wait: Annotated[bool, typer.Option(help="Wait until it is decided or waits for a person.")] = True,
) -> None:
    """Take a version up, stage by stage: gates first, then approvals. Exits with 1 where it is refused."""
    session = open_session()
    actor, begun = session.actor(), session.now
    parameters = {"model": model, "version": version, "to": to, "requested_by": actor.name, "strategy": strategy}
    message = session.run_flow("promote_model", parameters, wait)
    if not wait:
        typer.echo(message)
        return
    mine = [one for one in session.stores.records.promotions.list(model) if one.version == version]
    if refused_since(begun, mine):
        raise PromotionRefused(message, f"what every gate found: triage promotions {model}")
    typer.echo(message)
    for promotion in mine:
        if promotion.outcome is PromotionOutcome.WAIT:
            typer.echo(f"  triage approve {promotion.id} -m REASON\n  what its gates found: triage promotions {model}")


def approve(promotion: str, reason: Reason = "") -> None:
    """Say yes to a promotion, as the owner of TRIAGE_TOKEN."""
    _vote(promotion, True, reason)


def reject(promotion: str, reason: Reason = "") -> None:
    """Say no to a promotion, as the owner of TRIAGE_TOKEN."""
    _vote(promotion, False, reason)


def promotions(model: Annotated[str, typer.Argument()] = "email_classifier") -> None:
    """Every promotion of a model, with its gates and approvals."""
    rows = [
        (
            promotion.id,
            promotion.stage,
            promotion.outcome,
            "\n".join(
                (
                    *(f"{gate.verdict}: {gate.gate} ({gate.found})" for gate in promotion.gates),
                    *(f"not asked of a summarizer: {gate}" for gate in promotion.not_asked),
                )
            ),
            "\n".join(f"{'yes' if vote.approved else 'no'}: {vote.approver} {vote.reason}" for vote in promotion.approvals),
        )
        for promotion in open_session().stores.records.promotions.list(model)
    ]
    print_table(("promotion", "stage", "outcome", "gates", "approvals"), rows)


def refused_since(begun: datetime, promotions: Iterable[Promotion]) -> bool:
    """Whether one of them was refused at ``begun`` or later."""
    refused = [one.decided_at for one in promotions if one.outcome is PromotionOutcome.REFUSE]
    return any(decided is not None and decided >= begun for decided in refused)


@evidence_app.command("record")
def record_evidence(
    model: str,
    version: str,
    gates: Annotated[list[str], typer.Argument(metavar="GATE...", help="What the finding is for: one gate or more.")],
    detail: Annotated[str, typer.Option(help="What was done and found; a link is fine.")],
    passed: Annotated[bool, typer.Option("--passed/--failed")] = True,
) -> None:
    """Record what was found for gates, as the owner of TRIAGE_TOKEN: for all of them, or for none where one is unknown."""
    session = open_session()
    actor = session.actor()
    _require_gates(session.config.promotion_pipeline, gates)
    session.stores.registry.get(model, version)
    for gate in gates:
        session.stores.records.evidence.record(model, version, gate, passed, detail, actor.name, session.now)
        details = {"gate": gate, "passed": passed, "detail": detail}
        session.stores.records.audit.append(actor, "evidence_recorded", f"{model}/{version}", details, session.now)
        typer.echo(f"{gate} of {model}/{version}: {'passed' if passed else 'failed'}")


def _require_gates(pipeline: PromotionPipeline, gates: Iterable[str]) -> None:
    stages = (pipeline.stages.development, pipeline.stages.staging, pipeline.stages.production)
    known = [each.name for stage in stages for each in stage.quality_gates if each.condition is None]
    if unknown := [gate for gate in gates if gate not in known]:
        named = ", ".join(f"'{gate}'" for gate in unknown)
        raise PromotionRefused(f"no stage has a gate {named} that rests on evidence", f"there are {', '.join(known)}")


def _vote(promotion_id: str, approved: bool, reason: str) -> None:
    from flows.approvals import approve as record_vote

    session = open_session()
    promotion = record_vote(session.stores, promotion_id, session.token(), approved, reason, session.now)
    typer.echo(f"{promotion.id}: {len(promotion.approvals)} vote(s) recorded")
