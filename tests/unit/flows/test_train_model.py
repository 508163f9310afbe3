import pytest

from apps.training.course import TrainRequest
from flows import train_model
from flows.context import FlowContext


def test_models_are_held_to_the_fairness_that_the_configuration_names(
    context: FlowContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[TrainRequest] = []
    monkeypatch.setattr(train_model, "connect_ray", lambda: None)
    monkeypatch.setattr(train_model, "train_versions", lambda place, request, *rest: asked.append(request) or [])
    train_model.train(context, TrainRequest(seed=4, protected_attributes=(), bias_threshold=1.0), "emails", "latest")
    bias = context.config.monitoring.model_bias_monitoring
    assert asked == [TrainRequest(seed=4, protected_attributes=bias.protected_attributes, bias_threshold=bias.bias_threshold)]
    assert bias.protected_attributes and bias.bias_threshold < 1
