"""The whole configuration of one environment: one attribute a file, named by its stem."""

from dataclasses import dataclass
from pathlib import Path

from libs.common.config.alerting import Alerting
from libs.common.config.audit_logging import AuditLogging
from libs.common.config.cost_optimization import CostOptimization
from libs.common.config.data_pipeline import DataPipeline
from libs.common.config.deployment_strategies import DeploymentStrategies
from libs.common.config.home import Home
from libs.common.config.model_registry import ModelRegistry
from libs.common.config.model_serving import ModelServing
from libs.common.config.monitoring import Monitoring
from libs.common.config.platform import Platform
from libs.common.config.promotion_pipeline import PromotionPipeline
from libs.common.config.retraining import Retraining
from libs.common.config.section import Section, resolve, resolve_or_empty
from libs.common.config.training import Training


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """PEM files of the key that signs models and of the one that verifies them; where neither is named, the pair in ``own``."""

    own: Path
    private: str = ""
    public: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the outside services are: URLs, URIs and folders in plain; without ``signing``, no model is signed or verified."""

    records: str
    objects: str
    tracking: str
    datasets: str
    dataset_remote: str
    signing: SigningKeys | None = None


class Config(Section):
    """The merged truth of one environment."""

    environment: str
    data_pipeline: DataPipeline
    training: Training
    model_registry: ModelRegistry
    promotion_pipeline: PromotionPipeline
    deployment_strategies: DeploymentStrategies
    model_serving: ModelServing
    monitoring: Monitoring
    alerting: Alerting
    retraining: Retraining
    audit_logging: AuditLogging
    cost_optimization: CostOptimization
    platform: Platform

    def addresses(self, home: Home) -> Addresses:
        """Where each store is, secrets revealed; ConfigError names a variable that is not set."""
        tracking = self.training.experiment_tracking
        return Addresses(
            records=home.expand(resolve(self.platform.records)),
            objects=home.expand(resolve(tracking.artifact_store)),
            tracking=home.expand(resolve(tracking.tracking_server)),
            datasets=home.expand(resolve(self.platform.datasets)),
            dataset_remote=home.expand(resolve(self.data_pipeline.versioning.storage)),
            signing=self._signing(home),
        )

    def _signing(self, home: Home) -> SigningKeys:
        named = self.platform.signing
        private, public = (home.expand(resolve_or_empty(key)) for key in (named.private_key, named.public_key))
        return SigningKeys(home.keys, private, public)


STEMS = tuple(name for name in Config.model_fields if name != "environment")
