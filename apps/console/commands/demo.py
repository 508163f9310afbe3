"""`triage demo`: the whole life of a model, told on live traffic."""

from pathlib import Path
from typing import Annotated

import typer

REPORT = Path("triage-demo-report.html")


def demo(
    source: Annotated[
        str | None, typer.Option(envvar="SOURCE", help="Your own mail, by URI. Default: the configured source.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="How labels are found: a name in config/corpora, or a file.")] = None,
    report: Annotated[Path, typer.Option(help="Where the HTML report goes.")] = REPORT,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform running.")] = False,
) -> None:
    """Train, promote, release, roll back, drift, alert, retrain and release again; exit status 1 if any of it goes wrong."""
    from rich.console import Console

    from apps.console.demo.story import ENVIRONMENT, Options, run_demo
    from libs.common.config.loader import load_config

    configured = load_config(ENVIRONMENT).data_pipeline.ingestion.uris[0]
    options = Options(_absolute(source or configured), recipe, report, keep)
    if not run_demo(options, Console()):
        raise typer.Exit(1)


def _absolute(uri: str) -> str:
    """A path as the flows process, which runs elsewhere, will find it."""
    return uri if "://" in uri else str(Path(uri).resolve())
