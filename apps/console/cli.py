"""The `triage` command: wiring only. The command modules import what is heavy inside their functions."""

import sys

import typer

from apps.console.commands import (
    audit,
    config,
    corpora,
    datasets,
    demo,
    load,
    models,
    monitoring,
    offline,
    principals,
    promotions,
    releases,
    runtime,
    training,
)
from libs.common.errors import TriageError

app = typer.Typer(name="triage", help="The whole life of e-mail-triage models.", no_args_is_help=True, add_completion=False)

for command in (
    runtime.up,
    runtime.status,
    runtime.down,
    training.tune,
    training.train,
    training.retrain,
    training.evaluate,
    training.compare,
    promotions.promote,
    promotions.approve,
    promotions.reject,
    promotions.promotions,
    releases.release,
    releases.rollback,
    releases.rollouts,
    releases.traffic,
    offline.classify,
    load.load,
    demo.demo,
    monitoring.alerts,
    monitoring.measurements,
):
    app.command()(command)
for name, group in {
    "config": config.app,
    "corpus": corpora.app,
    "dataset": datasets.app,
    "model": models.app,
    "evidence": promotions.evidence_app,
    "principal": principals.app,
    "audit": audit.app,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; an error that is the user's to read is printed without a traceback, with exit status 1."""
    try:
        app()
    except TriageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
