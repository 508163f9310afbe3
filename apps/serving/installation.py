"""A model's server as an installation has it: everything that its configuration says of it, whoever deploys it."""

from dataclasses import replace

from apps.serving.deploy import deploy_server
from apps.serving.settings import Folders, Observation, ReplicaSettings, Sampling, replica_settings
from apps.serving.warm import warm_models
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.connect import connect


def install(model: str, config: Config, home: Home) -> bool:
    """Deploy the server of ``model`` and wait until it runs; False when one is there, which is left alone."""
    return deploy_server(config.model_serving, server_settings(model, config, home))


def server_settings(model: str, config: Config, home: Home) -> ReplicaSettings:
    """What the replicas of ``model``'s server are told."""
    caching = config.cost_optimization.inference_optimization.caching_strategy
    addresses, models = config.addresses(home), config.model_serving.model_caching
    stores = connect(addresses)
    warm = warm_models(models.warm_models if models.enabled else (), model, lambda *wanted: stores.registry.get(*wanted).ref)
    return replace(
        replica_settings(model, config.model_serving, addresses, Folders.below(home), caching),
        sampling=Sampling.under(config.audit_logging.inference_logging, home),
        observation=Observation.under(config.monitoring.request_observation),
        warm=warm,
    )
