"""How many replicas: CPU utilisation and ongoing requests, whichever asks for more (ADR 3)."""

import math
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from libs.common.config.model_serving import AutoScaling

# Within a tenth of the target nothing moves, as in Kubernetes' own autoscaler: load is never quite even.
TOLERANCE = 0.1


def desired_replicas(
    current: int, cpu_utilizations: Sequence[float], ongoing: float, target_cpu: float, target_ongoing: float
) -> int:
    """Replicas wanted when each of ``current`` uses its share of CPU (per cent) and ``ongoing`` requests are open in all.

    As Kubernetes' horizontal autoscaler: current × mean / target, rounded up. Bounds and cooldowns are applied by Serve.
    """
    by_requests = math.ceil(ongoing / target_ongoing)
    if not cpu_utilizations:
        return max(by_requests, current)
    ratio = sum(cpu_utilizations) / len(cpu_utilizations) / target_cpu
    by_cpu = current if abs(ratio - 1) <= TOLERANCE else math.ceil(current * ratio)
    return max(by_cpu, by_requests, 1)


class CpuMeter:
    """CPU utilisation of this process between two readings, in per cent of the cores it may use."""

    METRIC: ClassVar[str] = "cpu_utilization"

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._last = time.monotonic(), time.process_time()

    def read(self) -> float:
        """Per cent since the last reading."""
        before, self._last = self._last, (time.monotonic(), time.process_time())
        elapsed_s = self._last[0] - before[0]
        return 100 * (self._last[1] - before[1]) / elapsed_s / self._cores if elapsed_s > 0 else 0.0


class CpuPolicy:
    """`desired_replicas` as Serve calls it."""

    def __init__(self, target_cpu: float, target_ongoing: float) -> None:
        self._target_cpu = target_cpu
        self._target_ongoing = target_ongoing

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """The wanted count, and no state of its own."""
        measured = (context.aggregated_metrics or {}).get(CpuMeter.METRIC, {})
        wanted = desired_replicas(
            context.target_num_replicas,
            list(measured.values()),
            context.total_num_requests,
            self._target_cpu,
            self._target_ongoing,
        )
        return wanted, {}


def scaling_options(scaling: AutoScaling, target_ongoing: float) -> dict[str, Any]:
    """The deployment options for ``scaling``: a fixed count where least and most are the same."""
    if scaling.min_replicas == scaling.max_replicas:
        return {"num_replicas": scaling.min_replicas}
    from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

    policy = AutoscalingPolicy(
        policy_function=CpuPolicy,
        policy_kwargs={"target_cpu": scaling.target_cpu_utilization, "target_ongoing": target_ongoing},
    )
    return {
        "autoscaling_config": AutoscalingConfig(
            min_replicas=scaling.min_replicas,
            max_replicas=scaling.max_replicas,
            target_ongoing_requests=target_ongoing,
            upscale_delay_s=scaling.scale_up_cooldown.total_seconds(),
            downscale_delay_s=scaling.scale_down_cooldown.total_seconds(),
            policy=policy,
        )
    }
