"""The training stages as a job: ``ray job submit --working-dir . -- python -m apps.training …``.

A job runs in a copy of the code: it finds the state home by ``TRIAGE_HOME``, and its Ray by ``RAY_ADDRESS``, else starts one.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.audit import Actor, Role
from libs.common.front_door import run_commands, shown_progress
from libs.common.stores.orchestrator import join_or_start_ray

if TYPE_CHECKING:
    from apps.training.pipeline import Workplace

app = typer.Typer(name="apps.training", help="From raw mail to a registered model.", no_args_is_help=True, add_completion=False)
dataset_app = typer.Typer(help="Versioned datasets.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@dataclass(frozen=True)
class _Session:
    config: Config
    stores: Stores

    @property
    def workplace(self) -> "Workplace":
        from apps.training.pipeline import Workplace

        actor = Actor(name="job:training", role=Role.SYSTEM)
        return Workplace(self.stores, actor, datetime.now(UTC), Home.find().trainings)


@dataset_app.command("build")
def build_dataset(
    name: Annotated[str, typer.Argument(help="The dataset's name.")] = "emails",
    source: Annotated[list[str] | None, typer.Option(help="A source's URI; repeatable. Default: the configured ones.")] = None,
    recipe: Annotated[str | None, typer.Option(help="How labels are found: a name in config/corpora, or a file.")] = None,
    relabel: Annotated[list[str] | None, typer.Option(help="OLD=NEW: rename or merge labels; repeatable.")] = None,
    order: Annotated[str, typer.Option(help="How the holdout is chosen: random or time.")] = "random",
    seed: int = 0,
) -> None:
    """Build, check and commit the next version; prints its tag."""
    from apps.training.datasets.build import BuildRequest, read_relabel
    from apps.training.pipeline import build_version
    from apps.training.provenance import config_digest

    session = _open_session()
    request = BuildRequest(
        name=name,
        sources=tuple(source or session.config.data_pipeline.ingestion.uris),
        recipe=recipe,
        relabel=read_relabel(relabel or ()),
        order=order,
        seed=seed,
        min_quality=session.config.data_pipeline.preprocessing.quality_threshold,
        drift_threshold=session.config.monitoring.data_drift_detection.drift_threshold,
    )
    join_or_start_ray()
    version = build_version(session.workplace, request, config_digest(session.config), watch=shown_progress(sys.stderr))
    typer.echo(version.tag)


@dataset_app.command("rebuild")
def rebuild_dataset(
    name: Annotated[str, typer.Argument(help="The dataset's name.")] = "emails",
    version: Annotated[str, typer.Option(help="Its version.")] = "latest",
) -> None:
    """Build a version again from its lineage, and say whether it comes out the same; commits nothing."""
    from apps.training.datasets.rebuild import rebuild, require_same
    from apps.training.provenance import Stamp, code_commit, config_digest

    session = _open_session()
    committed = session.stores.datasets.get(name, version)
    feedback = session.stores.records.feedback.handed_over()
    join_or_start_ray()
    stamp = Stamp(datetime.now(UTC), code_commit(), config_digest(session.config))
    again = rebuild(committed, stamp, feedback, shown_progress(sys.stderr))
    typer.echo(require_same(committed, again))


@app.command()
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
    tuned: Annotated[bool, typer.Option(help="With the options that `tune` found last for each family.")] = False,
    profile: Annotated[str, typer.Option(help="development or production_training. Default: configured.")] = "",
    request_id: Annotated[str, typer.Option(help="Run again under the same id, a finished request trains nothing.")] = "",
) -> None:
    """Fit each family on the same split, judge them on the untouched holdout, and register them; prints the best first."""
    from apps.training.course import TrainRequest
    from apps.training.pipeline import train_versions

    session = _open_session()
    session.stores.datasets.get(dataset, version)  # what is not there is said before Ray is started
    bias = session.config.monitoring.model_bias_monitoring
    request = TrainRequest(
        model_name=model,
        families=tuple(family or ()),
        seed=seed,
        tuned=tuned,
        request_id=request_id,
        profile=profile,
        protected_attributes=bias.protected_attributes,
        bias_threshold=bias.bias_threshold,
    )
    join_or_start_ray()
    watch = shown_progress(sys.stderr)
    for registered in train_versions(session.workplace, request, session.config.training, dataset, version, watch):
        figures = " ".join(f"{name} {value:.3f}" for name, value in registered.performance_metrics.headline.items())
        typer.echo(f"{registered.ref} {registered.family} {figures}")


@app.command()
def tune(
    model: Annotated[str, typer.Argument()] = "email_classifier",
    family: Annotated[str, typer.Option(help="Whose options: a name in training.search.families.")] = "tabular",
    dataset: Annotated[str, typer.Option(help="Name of the dataset.")] = "emails",
    version: Annotated[str, typer.Option(help="Its version.")] = "latest",
    trials: Annotated[int, typer.Option(help="How many, the configured options included; 0 for the configured number.")] = 0,
    seed: int = 0,
) -> None:
    """Search a family's options on the folds of the training rows; prints each beside the configured one."""
    from apps.training.search.question import TuneRequest
    from apps.training.search.tune import tune_version

    session = _open_session()
    found = session.stores.datasets.get(dataset, version)
    request = TuneRequest(model_name=model, family=family, seed=seed, trials=trials)
    join_or_start_ray()
    selection = tune_version(
        session.workplace, request, session.config.training, found, Home.find().searches, shown_progress(sys.stderr)
    )
    for row in selection.beside_configured():
        typer.echo("\t".join(row))
    typer.echo(str(selection))


@app.command()
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

    session = _open_session()
    stores, bias = session.stores, session.config.monitoring.model_bias_monitoring
    standard = Standard(bias.protected_attributes, bias.bias_threshold)
    judged, on = stores.registry.get(model, version), stores.datasets.get(dataset, dataset_version)
    evaluation, page = evaluate_version(stores, judged, on, standard, seed)
    sys.stderr.write(f"{write_page(into, page)}\n")
    typer.echo(evaluation.figures.model_dump_json(indent=2))


@app.command()
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

    stores = _open_session().stores
    versions = (stores.registry.get(model, first), stores.registry.get(model, second))
    on = stores.datasets.get(dataset, dataset_version)
    found, taught = compare_versions(stores, *versions, on, seed)
    for row in (("figure", found.first, found.second, "difference (95 %)"), *told(found)):
        typer.echo("\t".join(row))
    typer.echo(f"{found.verdict}\n{found.rows} e-mails of {on.tag}, {found.groups} threads and campaigns; {taught} left out")


def _open_session() -> _Session:
    config = load_config()
    session = _Session(config, connect(config.addresses(Home.find())))
    session.stores.records.audit.head()  # what cannot be recorded is not begun
    return session


if __name__ == "__main__":
    run_commands(app)
