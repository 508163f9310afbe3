"""Where the platform of a home can be reached, for commands that talk to it: what the last `triage up` remembered."""

from dataclasses import dataclass

from apps.console.runtime.environment import LOOPBACK, dashboard_url, prefect_api_url
from apps.console.runtime.ports import recall
from libs.common.config.home import Home


@dataclass(frozen=True, slots=True)
class Reachable:
    """Addresses of the parts and the environment they were started for; all None before the first `triage up`."""

    environment: str | None = None
    http_url: str | None = None
    prefect_api_url: str | None = None
    ray_address: str | None = None
    dashboard_url: str | None = None


def discover(home: Home) -> Reachable:
    """The addresses that the last `triage up` of this home chose; whether anybody answers there is for the caller to see."""
    ports = recall(home.run / "ports.json")
    if ports is None:
        return Reachable()
    environment = home.run / "environment"
    return Reachable(
        environment=environment.read_text().strip() if environment.exists() else None,
        http_url=f"http://{LOOPBACK}:{ports.http}",
        prefect_api_url=prefect_api_url(ports),
        ray_address=f"{LOOPBACK}:{ports.ray}",
        dashboard_url=dashboard_url(ports),
    )
