"""Front door: puts the training API on the running Ray. ``python -m apps.training.app --env local``"""

import sys

from apps.training.service import APPLICATION, ROUTE, DeskSettings, Trainings
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.front_door import open_door
from libs.common.stores.orchestrator import connect_ray, deploy_api, start_serve


def deploy(config: Config, home: Home, port: int) -> dict[str, bool]:
    """Deploy the application and wait until it runs; whether it is new. One that is there is left alone."""
    connect_ray()
    start_serve(config.platform.http.host, port)
    return {APPLICATION: deploy_api(APPLICATION, ROUTE, Trainings, DeskSettings.of(config, home))}


if __name__ == "__main__":
    sys.exit(open_door("apps.training.app", __doc__, deploy))
