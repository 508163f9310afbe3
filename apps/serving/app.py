"""Front door: puts the server of every model that answers, and the batch API, on the running Ray.

python -m apps.serving.app --env local
"""

import sys
from dataclasses import replace

from apps.serving.batches.service import APPLICATION, ROUTE, Batches, BatchSettings
from apps.serving.deploy import deploy_server
from apps.serving.settings import Folders, Observation, Sampling, replica_settings
from apps.serving.warm import warm_models
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.connect import connect
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.front_door import open_door
from libs.common.stores.orchestrator import connect_ray, deploy_api, start_serve


def deploy(config: Config, home: Home, port: int) -> dict[str, bool]:
    """Start Serve and deploy every model's server and the batch API; whether each is new. What runs already is left alone."""
    connect_ray()
    start_serve(config.platform.http.host, port)
    deployed = {model: _deploy_model(model, config, home) for model in config.platform.models}
    if SUMMARIZER not in deployed and _is_released(SUMMARIZER, config, home):
        deployed[SUMMARIZER] = _deploy_model(SUMMARIZER, config, home)
    return {**deployed, APPLICATION: deploy_api(APPLICATION, ROUTE, Batches, BatchSettings.of(config, home))}


def _is_released(model: str, config: Config, home: Home) -> bool:
    records = connect(config.addresses(home)).records
    try:
        return records.traffic.get(model).stable is not None
    finally:
        records.close()


def _deploy_model(model: str, config: Config, home: Home) -> bool:
    caching = config.cost_optimization.inference_optimization.caching_strategy
    settings = replica_settings(model, config.model_serving, config.addresses(home), Folders.below(home), caching)
    sampling = Sampling.under(config.audit_logging.inference_logging, home)
    observation = Observation.under(config.monitoring.request_observation)
    settings = replace(settings, sampling=sampling, observation=observation, warm=_warm(model, config, home))
    return deploy_server(config.model_serving, settings)


def _warm(model: str, config: Config, home: Home) -> tuple[ModelRef, ...]:
    caching = config.model_serving.model_caching
    stores = connect(config.addresses(home))
    return warm_models(caching.warm_models if caching.enabled else (), model, lambda *wanted: stores.registry.get(*wanted).ref)


if __name__ == "__main__":
    sys.exit(open_door("apps.serving.app", __doc__, deploy))
