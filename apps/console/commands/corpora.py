"""`triage corpus`: public corpora to build from."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Public corpora to build from.", no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Public corpora to build from."""


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Which corpus: spamassassin.")],
    into: Annotated[Path | None, typer.Option(help="The folder to make. Default: corpora/NAME below the state home.")] = None,
) -> None:
    """Fetch a public corpus, once, and print the command that builds from it."""
    from apps.training.reading.corpora import recipe_for
    from apps.training.reading.fetch import fetch_corpus
    from libs.common.config.home import Home

    folder = fetch_corpus(name, (into or Home.find().corpora / name).resolve())
    recipe = "" if recipe_for(str(folder), None).name == name else f" --recipe {name}"
    typer.echo(f"triage dataset build {name} --source {shlex.quote(str(folder))}{recipe}")
