"""`triage config check`: the merged configuration, or every fault in it."""

from typing import Annotated

import typer

app = typer.Typer(help="What the platform is configured to do.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """What the platform is configured to do."""


@app.command()
def check(env: Annotated[str | None, typer.Option("--env", help="An environment of clusters/.")] = None) -> None:
    """Print the merged truth of an environment, secrets as ***; list all faults of all files at once."""
    import yaml

    from libs.common.config.home import Home
    from libs.common.config.loader import describe, load_config

    typer.echo(yaml.safe_dump(describe(load_config(env), Home.find()), sort_keys=False, allow_unicode=True), nl=False)
