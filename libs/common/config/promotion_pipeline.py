"""Schema of ``config/promotion_pipeline.yaml``."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, NonNegativeInt

from libs.common.config.section import Section
from libs.common.domain.model import Stage
from libs.common.domain.promotion import QualityGate
from libs.common.notation import parse_condition


def _as_gate(written: object) -> object:
    if not isinstance(written, str):
        return written
    if written.isidentifier():
        return QualityGate(name=written)
    return QualityGate(name=parse_condition(written).metric, condition=written)


Gate = Annotated[QualityGate, BeforeValidator(_as_gate)]


class StageRules(Section):
    """What one stage asks for. ``approvals`` counts different people; none where promotion is automatic."""

    auto_promotion: bool = False
    manual_approval: bool = False
    rollout_strategy: Literal["canary", "blue_green", "shadow"] | None = None
    approvals: NonNegativeInt | None = None
    quality_gates: tuple[Gate, ...]

    @property
    def approvals_needed(self) -> int:
        """How many different people must agree."""
        return self.approvals if self.approvals is not None else int(self.manual_approval)


class Stages(Section):
    """The three stages of the specification."""

    development: StageRules
    staging: StageRules
    production: StageRules


class PromotionPipeline(Section):
    """What a version must show, and who must agree, before it enters a stage."""

    stages: Stages

    def rules(self, stage: Stage) -> StageRules:
        """The rules for entering ``stage``; KeyError for a stage that nobody is promoted to."""
        return {
            Stage.DEVELOPMENT: self.stages.development,
            Stage.STAGING: self.stages.staging,
            Stage.PRODUCTION: self.stages.production,
        }[stage]
