"""`triage train` and `retrain`: new versions of a model; `tune`: better options; `evaluate` and `compare`: how they do."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table


def train(
    model: Annotated[str, typer.Argument()] = "email_classifier",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    family: Annotated[
        list[str] | None,
        typer.Option(
            help="tabular, cascade, transformer, hybrid, boosted; summarizer: extractive, t5, gpt; repeatable. Default: config"
        ),
    ] = None,
    seed: int = 0,
    tuned: Annotated[bool, typer.Option(help="With the options that `triage tune` found last for each family.")] = False,
    profile: Annotated[str, typer.Option(help="development or production_training. Default: configured.")] = "",
    wait: bool = True,
) -> None:
    """Fit each family on the same split, judge them on the untouched holdout, and register them."""
    parameters = {
        "model": model,
        "dataset": dataset,
        "version": version,
        "families": family or [],
        "seed": seed,
        "tuned": tuned,
        "profile": profile,
    }
    typer.echo(open_session().run_flow("train_model", parameters, wait))


def tune(
    model: Annotated[str, typer.Argument()] = "email_classifier",
    family: Annotated[str, typer.Option(help="Whose options: a name in training.search.families.")] = "tabular",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    trials: Annotated[int, typer.Option(help="How many, the configured options included; 0 for the configured number.")] = 0,
    seed: int = 0,
    wait: bool = True,
) -> None:
    """Search a family's options on the folds of the training rows; the same command goes on after a kill."""
    session = open_session()
    asked = {"model": model, "family": family, "dataset": dataset, "version": version, "trials": trials, "seed": seed}
    said = session.run_flow("tune_model", asked, wait)
    if wait and (found := session.stores.registry.search_runs.newest(model, family)):
        print_table(("option", "configured", "found"), found.beside_configured())
    typer.echo(said)


def retrain(model: Annotated[str, typer.Argument()] = "email_classifier", reason: str = "asked for by hand") -> None:
    """Build a dataset with the latest feedback, train, and ask for promotion; it then waits for a person."""
    session = open_session()
    typer.echo(session.run_flow("retrain_model", {"model": model, "reasons": [reason]}, wait=False))


def evaluate(
    version: Annotated[str, typer.Argument(help="A number, @champion or latest.")] = "latest",
    model: Annotated[str, typer.Option(help="Of which model.")] = "email_classifier",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    dataset_version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    into: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("evaluation.html"),
    seed: int = 0,
) -> None:
    """Judge a registered version anew on the holdout of a dataset: writes the whole page, prints the figures as JSON."""
    from apps.training.evaluation.review import Standard
    from apps.training.evaluation.versions import evaluate_version
    from libs.common.pages import write_page

    session = open_session()
    stores, bias = session.stores, session.config.monitoring.model_bias_monitoring
    standard = Standard(bias.protected_attributes, bias.bias_threshold)
    judged, on = stores.registry.get(model, version), stores.datasets.get(dataset, dataset_version)
    evaluation, page = evaluate_version(stores, judged, on, standard, seed)
    sys.stderr.write(f"{write_page(into, page)}\n")
    typer.echo(evaluation.figures.model_dump_json(indent=2))


def compare(
    first: Annotated[str, typer.Argument(help="A version: a number, @champion or latest.")],
    second: Annotated[str, typer.Argument(help="Another one.")],
    model: Annotated[str, typer.Option(help="Of which model.")] = "email_classifier",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    dataset_version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    seed: int = 0,
) -> None:
    """Judge two versions on the holdout of a dataset, without the e-mails that either was taught; prints who is better."""
    from apps.training.evaluation.compare import told
    from apps.training.evaluation.versions import compare_versions

    stores = open_session().stores
    versions = (stores.registry.get(model, first), stores.registry.get(model, second))
    on = stores.datasets.get(dataset, dataset_version)
    found, taught = compare_versions(stores, *versions, on, seed)
    print_table(("figure", found.first, found.second, "difference (95 %)"), list(told(found)))
    typer.echo(f"{found.verdict}\n{found.rows} e-mails of {on.tag}, {found.groups} threads and campaigns; {taught} left out")
