from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from apps.monitoring.api import build_api
from apps.monitoring.watch import WatchStatus
from libs.common.domain.alert import Alert, AlertStatus, Severity
from libs.common.domain.measurement import Measurement
from libs.common.errors import StoreError

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
MEASURED = Measurement(model="m", metric="accuracy", start=NOW, end=NOW, value=0.93, count=600, low=0.91, high=0.95)
ALERT = Alert(
    rule="r", model="m", severity=Severity.HIGH, status=AlertStatus.FIRING, value=0.9, condition="accuracy < 0.92", at=NOW
)


class Asked:
    """Records that remember what they were asked."""

    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.measurements = SimpleNamespace(between=self._between)
        self.alerts = SimpleNamespace(list=self._list)

    def _between(self, *question: Any) -> list[Measurement]:
        self.questions.append(question)
        return [MEASURED]

    def _list(self, *question: Any) -> list[Alert]:
        self.questions.append(question)
        if question[0] == "broken":
            raise StoreError("records: away", "run `triage up`")
        return [ALERT]


@pytest.fixture
def asked() -> Asked:
    return Asked()


def get(records: Any, path: str, last_cycle_at: datetime | None = NOW) -> httpx.Response:
    from fastapi.testclient import TestClient

    status = WatchStatus(cycles=3, failures=1, last_cycle_at=last_cycle_at, models=("m",))
    api = build_api(records, lambda: status, lambda: NOW, timedelta(minutes=3))
    with TestClient(api, raise_server_exceptions=False) as client:
        return client.get(path)


def test_measurements_of_one_metric_since_a_moment(asked: Asked) -> None:
    reply = get(asked, "/v1/measurements?model=m&metric=accuracy&since=2026-01-05T09:00:00")
    assert [Measurement.model_validate(found) for found in reply.json()] == [MEASURED]
    assert asked.questions == [("m", NOW - timedelta(hours=1), NOW, "accuracy")]


def test_alerts_of_the_last_day(asked: Asked) -> None:
    reply = get(asked, "/v1/alerts?model=m")
    assert [Alert.model_validate(found) for found in reply.json()] == [ALERT]
    assert asked.questions == [("m", NOW - timedelta(days=1))]


@pytest.mark.parametrize(
    ("last", "status"), [(NOW - timedelta(minutes=1), 200), (NOW - timedelta(minutes=4), 503), (None, 503)]
)
def test_health_follows_the_watch(asked: Asked, last: datetime | None, status: int) -> None:
    assert get(asked, "/healthz", last).status_code == status


def test_status_counts_cycles_and_failures(asked: Asked) -> None:
    assert get(asked, "/v1/status").json() == {
        "cycles": 3,
        "failures": 1,
        "last_cycle_at": "2026-01-05T10:00:00Z",
        "models": ["m"],
    }


def test_a_question_without_a_model_is_refused(asked: Asked) -> None:
    assert get(asked, "/v1/alerts").status_code == 422


def test_a_store_that_is_away_is_a_problem_in_words(asked: Asked) -> None:
    reply = get(asked, "/v1/alerts?model=broken")
    assert reply.status_code == 503
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["detail"] == "run `triage up`"
