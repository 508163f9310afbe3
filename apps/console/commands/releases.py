"""`triage release`, `rollback`, `rollouts` and `traffic`: live traffic and how it moves."""

from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table
from libs.common.domain.rollout import Rollout, RolloutPhase
from libs.common.errors import ReleaseHalted

Model = Annotated[str, typer.Argument()]


def release(
    model: str,
    version: Annotated[str, typer.Argument()] = "",
    strategy: Annotated[str, typer.Option(help="canary, blue_green or shadow.")] = "canary",
    resume: Annotated[str, typer.Option(help="Go on with this paused rollout instead.")] = "",
    wait: bool = True,
) -> None:
    """Release a version that was approved for production, or go on with a paused rollout. Exits with 1 where it halts."""
    session = open_session()
    parameters = {
        "model": model,
        "version": version,
        "strategy": strategy,
        "requested_by": session.actor().name,
        "rollout_id": resume,
    }
    message = session.run_flow("release_model", parameters, wait)
    if wait:
        rollouts = session.stores.records.rollouts
        require_released(rollouts.get(resume) if resume else rollouts.list(model)[-1])
    typer.echo(message)


def require_released(rollout: Rollout) -> None:
    """ReleaseHalted, with what can be done, unless the rollout has succeeded."""
    if rollout.phase is RolloutPhase.SUCCEEDED:
        return
    hint = f"what was measured meanwhile: triage measurements {rollout.model}"
    if rollout.phase is RolloutPhase.PAUSED:
        hint = f"go on: triage release {rollout.model} --resume {rollout.id}; end it: triage rollback {rollout.model}"
    raise ReleaseHalted(f"{rollout.candidate} {rollout.phase}: {rollout.reason}", hint)


def rollback(model: Model = "email_classifier", reason: Annotated[str, typer.Option("--reason", "-m")] = "") -> None:
    """End the running release, or go back to the version before; takes effect within a second."""
    from flows.rollback import roll_back

    session = open_session()
    traffic = roll_back(session.stores, model, session.actor(), reason, session.now)
    typer.echo(f"{model}: {traffic.stable} answers all requests")


def rollouts(model: Model = "email_classifier") -> None:
    """Every release of a model, and how it ended."""
    rows = [
        (rollout.id, rollout.strategy, rollout.phase, f"{rollout.started_at:%F %T}", rollout.reason)
        for rollout in open_session().stores.records.rollouts.list(model)
    ]
    print_table(("rollout", "strategy", "phase", "started", "reason"), rows)


def traffic(model: Model = "email_classifier") -> None:
    """Which version answers now, and in which share."""
    session = open_session()
    row = session.stores.records.traffic.get(model)
    split = row.at(session.now)
    rows = [
        ("stable", str(split.stable or "none"), f"{1 - split.weight:.0%}"),
        ("candidate", str(split.candidate or "none"), f"{split.weight:.0%}{' mirrored' if split.mirror else ''}"),
        ("kept warm", ", ".join(map(str, row.warm)) or "none", ""),
    ]
    print_table(("", "version", "traffic"), rows)
