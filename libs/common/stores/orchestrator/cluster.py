"""The running Ray, and Serve on it: joined and never started here; what several apps ask of Serve, once."""

import logging
import os
from typing import Any

from libs.common.errors import Unavailable

# Of an application that waits nearly always: on a small machine it must not keep a CPU from those who answer requests.
_LITTLE_CPU = 0.1
_THERE = ("RUNNING", "DEPLOYING", "UNHEALTHY")


def connect_ray(address: str | None = None) -> None:
    """Join the running Ray at ``address`` (else ``RAY_ADDRESS``) unless this process has done so; never starts one."""
    import ray

    if ray.is_initialized():
        return
    address = address or os.environ.get("RAY_ADDRESS")
    if not address:
        raise Unavailable("no Ray cluster is named", "run `triage up`, or set RAY_ADDRESS")
    ray.init(address=address, namespace="triage", log_to_driver=False, logging_level=logging.WARNING)


def start_serve(http_host: str, port: int) -> None:
    """Start Serve's ingress at this address, unless Serve runs already."""
    from ray import serve

    serve.start(http_options={"host": http_host, "port": port}, logging_config=quiet())


def status(application: str) -> str | None:
    """What Serve says of an application; None where it has none of that name."""
    from ray import serve

    found = serve.status().applications.get(application)
    return None if found is None else str(found.status.value)


def is_there(application: str) -> bool:
    """Whether it runs, comes up or heals, and so is to be left alone."""
    return status(application) in _THERE


def deploy_api(application: str, route: str, api: type[Any], settings: object) -> bool:
    """Deploy the ASGI class ``api`` as one replica and wait until it runs; False when one is there, which is left alone."""
    from ray import serve

    if is_there(application):
        return False
    deployment = serve.deployment(
        name=api.__name__, num_replicas=1, max_ongoing_requests=16, ray_actor_options={"num_cpus": _LITTLE_CPU}
    )
    bound = deployment(serve.ingress(None)(api)).bind(settings)
    serve.run(bound, name=application, route_prefix=route, logging_config=quiet())
    return True


def quiet() -> Any:
    """Serve's own log without a line for each request."""
    from ray.serve.schema import LoggingConfig

    return LoggingConfig(enable_access_log=False, log_level="WARNING")
