"""`triage models`: what is registered."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table

if TYPE_CHECKING:
    from libs.common.domain.model import ModelVersion

app = typer.Typer(help="Registered model versions.", no_args_is_help=True)


@app.command("list")
def list_versions(model: str = typer.Argument("email_classifier")) -> None:
    """Every version with its figures on the holdout."""
    rows = [
        (
            version.version,
            version.stage,
            version.family,
            ", ".join(f"{name} {value:.3f}" for name, value in version.performance_metrics.headline.items()),
            version.training_details.dataset_version,
            version.digest[:12],
        )
        for version in open_session().stores.registry.list(model)
    ]
    print_table(("version", "stage", "family", "figures", "dataset", "digest"), rows)


@app.command()
def show(model: str, version: str) -> None:
    """One version (a number, or @champion) in the specification's metadata schema."""
    typer.echo(open_session().stores.registry.get(model, version).model_dump_json(indent=2))


@app.command()
def verify(model: str, version: str) -> None:
    """Check every file of a version against its digests, and its signature against the trusted key."""
    from tempfile import TemporaryDirectory

    stores = open_session().stores
    registered = stores.registry.get(model, version)
    with TemporaryDirectory() as scratch:
        _fetch_registered(registered, Path(scratch), stores.trusted_key)
    signed = f"signed by {stores.trusted_key}" if stores.trusted_key else "no key is trusted yet, so no signature was asked for"
    typer.echo(f"{registered.ref}: every file is as it was registered ({registered.digest[:12]}); {signed}")


@app.command()
def sign(model: str, version: str) -> None:
    """Sign a version that has no signature, or anew with another key, after its files are checked against their digests."""
    from tempfile import TemporaryDirectory

    session = open_session()
    actor, stores = session.actor(), session.stores
    registered = stores.registry.get(model, version)
    with TemporaryDirectory() as scratch:
        stores.registry.sign(_fetch_registered(registered, Path(scratch), trusted=None), registered)
    stores.records.audit.append(actor, "model_signed", str(registered.ref), {"digest": registered.digest}, session.now)
    typer.echo(f"{registered.ref} is signed ({registered.digest[:12]})")


@app.command()
def report(model: str, version: str, into: Annotated[Path, typer.Argument(help="The HTML file to write.")]) -> None:
    """Write the evaluation's page of a version to a file: figures, slices, fairness, robustness, mistakes, what was found."""
    from tempfile import TemporaryDirectory

    from apps.training.evaluation.evaluation_page import PAGE
    from libs.common.errors import ModelNotFound
    from libs.common.pages import write_page

    stores = open_session().stores
    registered = stores.registry.get(model, version)
    with TemporaryDirectory() as scratch:
        folder = _fetch_registered(registered, Path(scratch), stores.trusted_key)
        if not (folder / PAGE).exists():
            raise ModelNotFound(f"{registered.ref} has no {PAGE}", "it was trained before pages were written; train it again")
        typer.echo(str(write_page(into, (folder / PAGE).read_text("utf-8"))))


def _fetch_registered(registered: "ModelVersion", scratch: Path, trusted: Path | None) -> Path:
    """A copy of the artifact below ``scratch``; ModelCorrupt or ModelUntrusted where it is not what was registered."""
    from libs.common.errors import ModelCorrupt
    from libs.common.models.artifact import verify_artifact
    from libs.common.stores.objects import fetch_folder

    folder = fetch_folder(registered.uri, scratch / "model")
    if (digest := verify_artifact(folder, trusted)) != registered.digest:
        raise ModelCorrupt(f"{registered.uri}: has digest {digest}, {registered.digest} is registered", "train the model again")
    return folder
