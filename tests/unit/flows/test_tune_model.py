from typing import Any

import pytest

from apps.training.search.question import TuneRequest
from flows import tune_model
from flows.context import FlowContext
from tests.unit.libs.common.domain.test_search import selection


def test_the_search_is_kept_in_the_home_and_asked_of_the_version_that_is_there(
    context: FlowContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    found = selection((0.9, 0.88))
    context.stores.__dict__["datasets"] = type("Datasets", (), {"get": lambda self, name, version: f"{name}/v{version}"})()
    monkeypatch.setattr(tune_model, "connect_ray", lambda: asked.append("ray"))
    monkeypatch.setattr(tune_model, "tune_version", lambda place, *rest: asked.append(rest) or found)
    assert tune_model.tune(context, TuneRequest(trials=3), "emails", "1.0.0") == found
    ray, (request, settings, dataset, searches, _) = asked
    assert (ray, request, dataset) == ("ray", TuneRequest(trials=3), "emails/v1.0.0")
    assert settings == context.config.training and searches == context.home.searches
