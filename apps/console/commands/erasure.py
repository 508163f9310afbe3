"""`triage dataset forget`: a person asks to be forgotten."""

from typing import TYPE_CHECKING, Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table

if TYPE_CHECKING:
    from apps.training.erasure.forget import Forgotten


def forget(
    sender: Annotated[str, typer.Option(help="The address whose mail goes.")] = "",
    message_id: Annotated[str, typer.Option(help="The one mail that goes, in place of an address.")] = "",
    reason: Annotated[str, typer.Option("--reason", "-m", help="Kept beside the counts; name nobody in it.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
) -> None:
    """Remove a person's mail from every version and from feedback, for good; the mails of others lose what repeats it."""
    from apps.training.erasure.forget import forget as forget_subject
    from apps.training.erasure.traces import Subject
    from apps.training.pipeline import Workplace

    subject = Subject.of(sender, message_id)
    session = open_session()
    place = Workplace(session.stores, session.actor(), session.now)
    _print(forget_subject(place, session.config.platform.all_models, subject, reason, dry_run), dry_run)


def _print(forgotten: "Forgotten", dry_run: bool) -> None:
    rows = [(tag, stone.rows, stone.rewritten, stone.quarantined) for tag, stone in forgotten.versions]
    rows += [("feedback", forgotten.feedback_removed, forgotten.feedback_rewritten, 0)]
    if any(any(counts) for _, *counts in rows):
        print_table(("would change" if dry_run else "changed", "e-mails removed", "rewritten", "in quarantine"), rows)
    else:
        typer.echo("nothing was found: no version and no feedback changed")
    for model in forgotten.models:
        typer.echo(f"trained on what was removed: {model}")
    for seq in forgotten.audit_records:
        typer.echo(f"audit record {seq} names them and stays: the chain is never edited")
