"""The daily report on every live model, kept in the object store; the minute-to-minute watch is apps.monitoring's."""

from datetime import timedelta

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from apps.monitoring.daily import summarize_day
from flows.context import open_context


@flow(name="monitor_models", persist_result=True)
def monitor_models() -> State:
    """Report on the last 24 hours; returns the keys of the reports in the object store."""
    context = open_context()
    stores, end = context.stores, context.now()
    start, keys = end - timedelta(days=1), list[str]()
    for model in context.config.platform.models:
        measured = stores.records.measurements.between(model, start, end)
        report = summarize_day(model, end.date(), measured, stores.records.alerts.list(model, start))
        key = f"reports/{model}/{end:%Y-%m-%d}.json"
        stores.objects.put_bytes(key, report.model_dump_json(indent=2).encode())
        context.audit("monitor_models", "reported", model, {"report": key, "alerts_fired": report.alerts_fired})
        keys.append(key)
    return Completed(message=", ".join(keys))
