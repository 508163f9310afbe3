"""Schema of ``config/deployment_strategies.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from libs.common.config.section import Duration, Section, Share

Percentage = Annotated[float, Field(gt=0, le=100)]


class BlueGreen(Section):
    """All traffic at once, with the old version kept warm."""

    use_case: str
    traffic_switch: Literal["instantaneous"]
    rollback_time: Duration
    resource_overhead: Share


class Analysis(Section):
    """What a candidate is judged by, at every tick and over the whole release (ADR 12).

    ``alpha`` bounds the chance that a candidate no worse than stable is ever rolled back. A step needs ``min_requests``
    answered by the candidate, a release ``min_labels`` of them with feedback (0: labels count where they come, but none
    are waited for). Slower than ``latency_limit_ms`` is a slow request; ``max_disagreement`` is for mirrored traffic.
    """

    alpha: Annotated[float, Field(gt=0, lt=1)]
    min_requests: PositiveInt
    min_labels: NonNegativeInt
    latency_limit_ms: PositiveFloat
    max_disagreement: Annotated[float, Field(gt=0, lt=1)]


class Canary(Section):
    """A growing share of traffic, judged at each step.

    ``tick`` is the time between two looks, ``lease`` how long the replicas follow a rollout that nobody renews.
    """

    use_case: str
    initial_traffic: Share
    progression: tuple[Percentage, ...]
    evaluation_period: Duration
    max_extensions: NonNegativeInt
    tick: Duration
    lease: Duration
    analysis: Analysis


class Shadow(Section):
    """The candidate also answers, but nobody hears it."""

    use_case: str
    traffic_duplication: Share
    response_comparison: bool
    performance_impact: Literal["minimal"]


class DeploymentStrategies(Section):
    """How a new version gets its traffic."""

    blue_green: BlueGreen
    canary: Canary
    shadow: Shadow
