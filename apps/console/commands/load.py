"""`triage load`: e-mails at a steady rate to the service of this machine, and what became of them."""

from pathlib import Path
from typing import Annotated

import typer

from apps.console.tables import print_table


def load(
    rate: Annotated[
        float, typer.Option(help="E-mails a second; they leave at their own times, whatever the service does.")
    ] = 20,
    seconds: Annotated[float, typer.Option(help="For how long.")] = 30,
    url: Annotated[str | None, typer.Option(help="The service; default: the one that `triage up` started.")] = None,
    drift: Annotated[float, typer.Option(help="How far the e-mails have drifted, 0 to 1.")] = 0.0,
    feedback: Annotated[float, typer.Option(help="Share of answers that get the right label back, 0 to 1.")] = 0.0,
    arrivals: Annotated[str, typer.Option(help="poisson or fixed.")] = "poisson",
    seed: int = 0,
    records: Annotated[Path | None, typer.Option(help="Write one JSON line a request here.")] = None,
) -> None:
    """Send synthetic e-mails; exit status 1 if any request failed, was answered twice, or came back without a version."""
    import asyncio

    from apps.console.demo.load import Load, LoadPlan, endless_mails
    from apps.console.demo.load_records import SentRequest, count

    plan = LoadPlan(url or _service(), "load", rate, seconds, arrivals, feedback, seed=seed)
    sent: list[SentRequest] = []
    asyncio.run(Load(plan, endless_mails(drift, seed), sent.append).run())
    if records:
        records.write_text("".join(request.line() for request in sent), encoding="utf-8")
    counts = count(sent)
    rows: list[tuple[str, object]] = [
        ("e-mails", f"{counts.emails} in {counts.seconds:.1f} s, {counts.per_second:.1f} a second"),
        ("feedback reports", counts.feedback),
        ("failed", "; ".join([str(counts.failed), *(f"{times} × {what}" for what, times in counts.problems.items())])),
        ("answered twice, strayed, unversioned", f"{counts.answered_twice}, {counts.strayed}, {counts.unversioned}"),
        ("by version", ", ".join(f"{version}: {times}" for version, times in counts.by_version.items())),
        ("p50, p95, p99", f"{counts.p50_ms:.1f}, {counts.p95_ms:.1f}, {counts.p99_ms:.1f} ms"),
    ]
    print_table(("", "found"), rows)
    if counts.failed or counts.answered_twice or counts.strayed or counts.unversioned:
        raise typer.Exit(1)


def _service() -> str:
    from apps.console.runtime.discover import discover
    from libs.common.config.home import Home
    from libs.common.errors import StoreError

    if url := discover(Home.find()).http_url:
        return url
    raise StoreError("nothing was ever started here", "run `triage up`, or name the service with --url")
