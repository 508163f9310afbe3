"""`triage alerts` and `measurements`: what the watch has seen."""

from datetime import timedelta
from typing import Annotated

import typer

from apps.console.session import open_session
from apps.console.tables import print_table

Model = Annotated[str, typer.Argument()]
Hours = Annotated[float, typer.Option(help="How far to look back.")]


def alerts(model: Model = "email_classifier", hours: Hours = 24) -> None:
    """Alerts that began or ended, oldest first."""
    session = open_session()
    rows = [
        (f"{alert.at:%F %T}", alert.severity, alert.status, alert.rule, f"{alert.value:.3g}", alert.runbook or "")
        for alert in session.stores.records.alerts.list(model, session.now - timedelta(hours=hours))
    ]
    print_table(("at", "severity", "status", "rule", "value", "runbook"), rows)


def measurements(model: Model = "email_classifier", metric: str | None = None, hours: Hours = 1) -> None:
    """What was measured of live traffic, window by window."""
    session = open_session()
    found = session.stores.records.measurements.between(model, session.now - timedelta(hours=hours), session.now, metric)
    rows = [
        (
            f"{one.end:%F %T}",
            one.metric,
            "too little data" if one.value is None else f"{one.value:.4g} {one.unit}".rstrip(),
            "" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}",
            one.count,
        )
        for one in found
    ]
    print_table(("window end", "metric", "value", "95 % interval", "rests on"), rows)
