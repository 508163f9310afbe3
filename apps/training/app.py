"""Front door: puts the training API on the running Ray. ``python -m apps.training.app --env local``"""

import argparse
import logging
import os
import sys

from apps.training.service import APPLICATION, ROUTE, DeskSettings, Trainings
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.errors import TriageError, Unavailable
from libs.common.logs import set_up_logs

# It waits for the Prefect server, and computes nothing.
LOGICAL_CPUS = 0.1


def deploy(config: Config, home: Home, port: int) -> bool:
    """Deploy the application ``training`` and wait until it runs; False when one is there, which is left alone."""
    import ray
    from ray import serve

    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS")
        if not address:
            raise Unavailable("no Ray cluster is named", "run `triage up`, or set RAY_ADDRESS")
        ray.init(address=address, namespace="triage", log_to_driver=False, logging_level=logging.WARNING)
    serve.start(http_options={"host": config.platform.http.host, "port": port})
    found = serve.status().applications.get(APPLICATION)
    if found is not None and found.status.value in ("RUNNING", "DEPLOYING", "UNHEALTHY"):
        return False
    deployment = serve.deployment(
        name=Trainings.__name__, num_replicas=1, max_ongoing_requests=16, ray_actor_options={"num_cpus": LOGICAL_CPUS}
    )
    bound = deployment(serve.ingress(None)(Trainings)).bind(DeskSettings.of(config, home))
    serve.run(bound, name=APPLICATION, route_prefix=ROUTE)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, deploy, and say what was done; 1 with one clear error when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m apps.training.app", description=__doc__)
    parser.add_argument("--env", help="the environment under clusters/ (default: TRIAGE_ENV, else local)")
    parser.add_argument("--port", type=int, help="where HTTP listens (default: platform.http.port)")
    chosen = parser.parse_args(arguments)
    set_up_logs()
    try:
        config = load_config(chosen.env)
        fresh = deploy(config, Home.find(), chosen.port or config.platform.http.port)
        print(f"{APPLICATION}: {'deployed' if fresh else 'runs already'}", flush=True)
    except TriageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
