"""Schema of ``config/promotion_pipeline.yaml``."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, NonNegativeInt

from libs.common.config.section import Section
from libs.common.domain.model import Stage
from libs.common.domain.promotion import OF_CLASSIFIERS, QualityGate
from libs.common.notation import parse_condition


def _as_gate(written: object) -> object:
    if not isinstance(written, str):
        return written
    if written.isidentifier():
        return QualityGate(name=written)
    return QualityGate(name=parse_condition(written).metric, condition=written)


Gate = Annotated[QualityGate, BeforeValidator(_as_gate)]


class StageRules(Section):
    """What one stage asks for. ``approvals`` counts different people; none where promotion is automatic.

    ``summarizer_gates`` are asked of summarizers, in place of those `OF_CLASSIFIERS`.
    """

    auto_promotion: bool = False
    manual_approval: bool = False
    rollout_strategy: Literal["canary", "blue_green", "shadow"] | None = None
    approvals: NonNegativeInt | None = None
    quality_gates: tuple[Gate, ...]
    summarizer_gates: tuple[Gate, ...] = ()

    @property
    def approvals_needed(self) -> int:
        """How many different people must agree."""
        return self.approvals if self.approvals is not None else int(self.manual_approval)

    def gates_of(self, summarizes: bool) -> tuple[QualityGate, ...]:
        """What is asked of a classifier, or of a summarizer."""
        if not summarizes:
            return self.quality_gates
        return (*(gate for gate in self.quality_gates if gate.name not in OF_CLASSIFIERS), *self.summarizer_gates)

    def not_asked_of(self, summarizes: bool) -> tuple[str, ...]:
        """The gates that are not, in words, since a summarizer gives no categories."""
        return tuple(str(gate) for gate in self.quality_gates if summarizes and gate.name in OF_CLASSIFIERS)


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
