"""Replicas follow CPU and requests, whichever asks for more."""

import time
from types import SimpleNamespace

import pytest

from apps.serving.autoscaling import CpuMeter, CpuPolicy, desired_replicas, scaling_options
from libs.common.config.model_serving import AutoScaling


@pytest.mark.parametrize(
    ("current", "cpu", "ongoing", "wanted"),
    [
        (2, [70, 70], 0, 2),
        (2, [75, 72], 0, 2),  # within the tolerance
        (2, [100, 100], 0, 3),
        (2, [140, 140], 0, 4),
        (4, [20, 20, 20, 20], 0, 2),
        (2, [10, 10], 100, 4),
        (3, [], 10, 3),  # nothing measured: stay
        (1, [0], 0, 1),
    ],
)
def test_desired_replicas(current: int, cpu: list[float], ongoing: float, wanted: int) -> None:
    assert desired_replicas(current, cpu, ongoing, target_cpu=70, target_ongoing=32) == wanted


def test_the_policy_reads_what_the_meter_writes() -> None:
    context = SimpleNamespace(
        aggregated_metrics={CpuMeter.METRIC: {"a": 140.0, "b": 140.0}}, target_num_replicas=2, total_num_requests=0.0
    )
    assert CpuPolicy(target_cpu=70, target_ongoing=32)(context) == (4, {})


def test_the_meter_sees_work() -> None:
    meter = CpuMeter(cores=1)
    sum(range(2_000_000))
    busy = meter.read()
    time.sleep(0.2)
    assert busy > meter.read()


def test_equal_bounds_are_a_fixed_count() -> None:
    scaling = {"target_cpu_utilization": 70, "scale_up_cooldown": "2m", "scale_down_cooldown": "5m"}
    fixed = AutoScaling.model_validate({"min_replicas": 2, "max_replicas": 2, **scaling})
    assert scaling_options(fixed, 32) == {"num_replicas": 2}
