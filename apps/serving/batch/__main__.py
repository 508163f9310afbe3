"""Offline triage as a job: ``ray job submit --working-dir . -- python -m apps.serving.batch SOURCE --out FOLDER``.

A job runs in a copy of the code: it finds the state home by ``TRIAGE_HOME``, and its Ray by ``RAY_ADDRESS``, else starts one.
"""

import sys
from typing import Annotated

import typer

from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.front_door import run_commands, shown_progress

app = typer.Typer(name="apps.serving.batch", help="Triage every e-mail of a source.", add_completion=False)


@app.command()
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

    config, home = load_config(), Home.find()
    place = OfflinePlace(connect(config.addresses(home)), config.model_serving, Folders.below(home))
    request = OfflineRequest(source, out, model, version, read_columns(column or ()))
    summary = triage_source(request, place, shown_progress(sys.stderr))
    for label, count in summary.labels.items():
        typer.echo(f"{label}\t{count}")
    typer.echo(str(summary))


if __name__ == "__main__":
    run_commands(app)
