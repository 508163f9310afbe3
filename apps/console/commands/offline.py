"""`triage classify`: a whole source, triaged at once."""

import sys
from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table


def classify(
    source: Annotated[str, typer.Argument(help="Files, mailboxes, tables or archives; a path or s3://….")],
    out: Annotated[str, typer.Option(help="The folder for the parts; a path or s3://….")],
    model: Annotated[str, typer.Option(help="Which model.")] = "email_classifier",
    version: Annotated[str, typer.Option(help="live, a number, @champion or latest.")] = "live",
    column: Annotated[list[str] | None, typer.Option(help="OURS=THEIRS: what a table calls a field; repeatable.")] = None,
) -> None:
    """Triage every e-mail of a source; run again, it goes on where it was killed."""
    from apps.serving.batch.run import OfflinePlace, OfflineRequest, triage_source
    from apps.serving.batch.stretches import read_columns
    from apps.serving.settings import Folders
    from libs.common.front_door import shown_progress

    session = open_session()
    place = OfflinePlace(session.stores, session.config.model_serving, Folders.below(session.home))
    request = OfflineRequest(source, out, model, version, read_columns(column or ()))
    summary = triage_source(request, place, shown_progress(sys.stderr))
    print_table(("label", "e-mails"), list(summary.labels.items()))
    typer.echo(str(summary))
