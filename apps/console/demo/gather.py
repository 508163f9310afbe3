"""After the story: what the product recorded of it, and what the callers saw, put together for checks and report."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from apps.console.demo.account import Account, Limits
from apps.console.demo.context import MODEL, Demo
from apps.console.demo.load_records import Kind, LoadCounts, SentRequest
from apps.console.demo.waiting import until
from libs.common.config.configuration import Config
from libs.common.errors import TriageError
from libs.common.notation import parse_condition

_SHIPPED_WITHIN_S = 20.0


def gather(demo: Demo, counts: LoadCounts) -> Account:
    """The account of a story that is over; what was never reached is empty."""
    told = Account(demo.mailing.description if demo.mailing else demo.source, demo.chronicle, _no_limits())
    if demo.opened is None:
        return told
    stores, now = demo.session.stores, demo.now()
    records, began = stores.records, demo.chronicle.began
    requests = demo.load.requests() if demo.running else []
    twice, missing = _logged(demo, requests)
    retraining = records.retrainings.latest(MODEL)
    return Account(
        source=told.source,
        chronicle=demo.chronicle,
        limits=limits_of(demo.session.config),
        requests=requests,
        counts=counts,
        logged_twice=twice,
        unlogged=missing,
        measurements=records.measurements.between(MODEL, began, now),
        models=stores.registry.list(MODEL),
        promotions=records.promotions.list(MODEL),
        releases=records.rollouts.list(MODEL),
        alerts=demo.receiver.alerts,
        retrainings=(retraining,) if retraining else (),
        mailbox=demo.mailbox,
        audit_records=records.audit.head().seq,
        audit_faults=records.audit.verify(stores.noted_head()),
        champion=demo.champion,
        worse=demo.worse,
        retrained=demo.retrained,
    )


def limits_of(config: Config) -> Limits:
    """The lines that the plots draw, from the rules that alerts follow."""
    rules = {name: parse_condition(rule.condition).limit for name, rule in config.alerting.alert_rules.items()}
    return Limits(
        accuracy=rules.get("model_accuracy_degradation", 0.0),
        drift_alert=rules.get("data_drift_detected", 0.0),
        drift_retrain=config.retraining.triggers.data_drift.drift_score,
        latency_ms=rules.get("high_inference_latency", 0.0),
    )


def logged(answered: Iterable[str], found: Iterable[str]) -> tuple[int, int]:
    """How many ids the log holds more than once, and how many of those that were answered it lacks."""
    times = Counter(found)
    return sum(count - 1 for count in times.values()), sum(id not in times for id in answered)


def _logged(demo: Demo, requests: Iterable[SentRequest]) -> tuple[int, int]:
    """As `logged`, once the replicas have shipped their last segments."""
    answered = {each.answered_id for each in requests if each.kind is Kind.CLASSIFY and not each.failed}
    began: datetime = demo.chronicle.began
    found: list[tuple[int, int]] = [(0, len(answered))]

    def whole() -> bool:
        events = demo.session.stores.predictions.events(MODEL, began, demo.now() + timedelta(minutes=1))
        found.append(logged(answered, (event.request_id for event in events)))
        return found[-1][1] == 0

    try:
        until("the last segments of the prediction log", whole, _SHIPPED_WITHIN_S)
    except TriageError as error:
        demo.tell(error.message)  # the check says what is missing
    return found[-1]


def _no_limits() -> Limits:
    return Limits(accuracy=0.0, drift_alert=0.0, drift_retrain=0.0, latency_ms=0.0)
