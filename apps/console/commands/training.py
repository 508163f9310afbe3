"""`triage train` and `retrain`: new versions of a model."""

from typing import Annotated

import typer

from apps.console.session import open_session


def train(
    model: Annotated[str, typer.Argument()] = "email_classifier",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    family: Annotated[
        list[str] | None, typer.Option(help="tabular, transformer or boosted; repeatable. Default: configured.")
    ] = None,
    seed: int = 0,
    wait: bool = True,
) -> None:
    """Fit each family on the same split, judge them on the untouched holdout, and register them."""
    parameters = {"model": model, "dataset": dataset, "version": version, "families": family or [], "seed": seed}
    typer.echo(open_session().run_flow("train_model", parameters, wait))


def retrain(model: Annotated[str, typer.Argument()] = "email_classifier", reason: str = "asked for by hand") -> None:
    """Build a dataset with the latest feedback, train, and ask for promotion; it then waits for a person."""
    session = open_session()
    typer.echo(session.run_flow("retrain_model", {"model": model, "reasons": [reason]}, wait=False))
