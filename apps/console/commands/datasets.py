"""`triage dataset`: versions of the data workspace."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from apps.console.commands import erasure, versions
from apps.console.session import open_session
from apps.console.tables import print_table

app = typer.Typer(help="Versioned datasets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The dataset's name.")]


@app.command()
def build(
    name: Name = "emails",
    source: Annotated[list[str] | None, typer.Option(help="A source's URI; repeatable. Default: the configured ones.")] = None,
    recipe: Annotated[str | None, typer.Option(help="How labels are found: a name in config/corpora, or a file.")] = None,
    relabel: Annotated[list[str] | None, typer.Option(help="OLD=NEW: rename or merge labels; repeatable.")] = None,
    order: Annotated[str, typer.Option(help="How the holdout is chosen: random or time.")] = "random",
    seed: int = 0,
    with_feedback: Annotated[bool, typer.Option(help="Add the e-mails that users handed over with their feedback.")] = False,
    wait: bool = True,
) -> None:
    """Build, check and commit the next version."""
    from apps.training.datasets.build import read_relabel

    parameters = {
        "name": name,
        "sources": [_absolute(uri) for uri in source or ()],
        "recipe": _found(recipe),
        "relabel": read_relabel(relabel or ()),
        "order": order,
        "seed": seed,
        "with_feedback": with_feedback,
    }
    typer.echo(open_session().run_flow("build_dataset", parameters, wait))


@app.command("list")
def list_versions(name: Name = "emails") -> None:
    """Every version, oldest first."""
    rows = [
        (version.tag, version.rows, len(version.classes), f"{version.quality.score:.2f}", version.digest[:12])
        for version in open_session().stores.datasets.list(name)
    ]
    print_table(("version", "e-mails", "classes", "quality", "digest"), rows)


@app.command()
def show(name: Name = "emails", version: str = "latest") -> None:
    """One version: counts, quality, lineage."""
    typer.echo(open_session().stores.datasets.get(name, version).model_dump_json(indent=2))


@app.command()
def verify(name: Name = "emails", version: str = "latest") -> None:
    """Check every file of a version against its digests."""
    datasets = open_session().stores.datasets
    found = datasets.get(name, version)
    faults = datasets.verify(name, found.version)
    for fault in faults:
        typer.echo(fault, err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo(f"{found.tag}: every file is as it was committed")


@app.command()
def checkout(name: Name, version: str, into: Path) -> None:
    """Copy the files of a version to a folder."""
    typer.echo(str(open_session().stores.datasets.checkout(name, version, into)))


@app.command()
def report(name: Name, into: Annotated[Path, typer.Argument(help="The HTML file to write.")], version: str = "latest") -> None:
    """Write the page of a version to a file: what was kept, what was set aside, what was found."""
    from apps.training.datasets.report import PAGE
    from libs.common.pages import write_page

    datasets = open_session().stores.datasets
    with TemporaryDirectory(prefix="triage-report-") as scratch:
        folder = datasets.checkout(name, version, Path(scratch) / "version")
        typer.echo(str(write_page(into, (folder / PAGE).read_text("utf-8"))))


for command in (versions.diff, versions.gc, versions.rebuild, erasure.forget):
    app.command()(command)


def _found(recipe: str | None) -> str | None:
    """A recipe's file by its whole path, for the same reason as a source's."""
    return str(Path(recipe).resolve()) if recipe and Path(recipe).is_file() else recipe


def _absolute(uri: str) -> str:
    """A path as the flows process, which runs elsewhere, will find it."""
    return uri if "://" in uri else str(Path(uri).resolve())
