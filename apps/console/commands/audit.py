"""`triage audit`: who decided what, and proof that nobody changed it since."""

from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table

app = typer.Typer(help="The chain of every decision and change.", no_args_is_help=True)


@app.command()
def verify() -> None:
    """Check every link of the chain, and its head against the copy outside the database."""
    stores = open_session().stores
    faults = stores.records.audit.verify(stores.noted_head())
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"the chain is whole: {stores.records.audit.head().seq} records")


@app.command("list")
def list_events(after: Annotated[int, typer.Option(help="Only records after this number.")] = 0) -> None:
    """Every record, oldest first."""
    rows = [
        (event.seq, f"{event.at:%F %T}", event.actor.name, event.action, event.subject, event.details.get("reason") or "")
        for event in open_session().stores.records.audit.events(after)
    ]
    print_table(("#", "at", "who", "what", "of", "why"), rows)
