"""`triage principal`: who may approve and roll back."""

import typer

from apps.console.session import open_session
from libs.common.domain.audit import Actor, Role

app = typer.Typer(help="People and services that act with a token of their own.", no_args_is_help=True)


@app.command()
def add(name: str, role: Role) -> None:
    """Add somebody and print the token, which is shown this once."""
    session = open_session()
    token = session.stores.records.principals.add(name, role)
    owner = Actor(name="operator", role=Role.SYSTEM)  # whoever can write the state home owns it
    session.stores.records.audit.append(owner, "principal_added", name, {"role": role}, session.now)
    typer.echo(token)
