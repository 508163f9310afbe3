"""The job of one batch, which the batch API starts: ``python -m apps.serving.batches ID ATTEMPT``.

It finds the state home by ``TRIAGE_HOME``, and its Ray by ``RAY_ADDRESS``.
"""

from datetime import UTC, datetime

import typer

from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import connect
from libs.common.front_door import run_commands

app = typer.Typer(name="apps.serving.batches", help="Run one batch.", add_completion=False)


@app.command()
def run(batch: str, attempt: int) -> None:
    """Triage the source of a batch and note how it ended."""
    from apps.serving.batch.run import OfflinePlace
    from apps.serving.batches.work import BatchWork
    from apps.serving.settings import Folders

    config, home = load_config(), Home.find()
    place = OfflinePlace(connect(config.addresses(home)), config.model_serving, Folders.below(home))
    ended = BatchWork(place, config.model_serving.batches.roots, lambda: datetime.now(UTC)).run(batch, attempt)
    typer.echo(f"{ended.id}: {ended.state}, {ended.headway.mails_done} e-mails {ended.message}")


if __name__ == "__main__":
    run_commands(app)
