"""Front door: puts the server of every model that answers, and the batch API, on the running Ray.

python -m apps.serving.app --env local
"""

import sys

from apps.serving.batches.service import APPLICATION, ROUTE, Batches, BatchSettings
from apps.serving.installation import install
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.connect import connect
from libs.common.domain.model import SUMMARIZER
from libs.common.front_door import open_door
from libs.common.stores.orchestrator import connect_ray, deploy_api, start_serve


def deploy(config: Config, home: Home, port: int) -> dict[str, bool]:
    """Start Serve and deploy every model's server and the batch API; whether each is new. What runs already is left alone."""
    connect_ray()
    start_serve(config.platform.http.host, port)
    deployed = {model: install(model, config, home) for model in config.platform.models}
    if SUMMARIZER not in deployed and _is_released(SUMMARIZER, config, home):
        deployed[SUMMARIZER] = install(SUMMARIZER, config, home)
    return {**deployed, APPLICATION: deploy_api(APPLICATION, ROUTE, Batches, BatchSettings.of(config, home))}


def _is_released(model: str, config: Config, home: Home) -> bool:
    records = connect(config.addresses(home)).records
    try:
        return records.traffic.get(model).stable is not None
    finally:
        records.close()


if __name__ == "__main__":
    sys.exit(open_door("apps.serving.app", __doc__, deploy))
