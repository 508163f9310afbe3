"""Schema of ``config/platform.yaml``: where the parts run and how they are reached."""

from typing import Annotated

from pydantic import Field, PositiveInt

from libs.common.config.section import Address, Section
from libs.common.domain.model import SUMMARIZER

Port = Annotated[int, Field(ge=0, le=65_535)]


class Ray(Section):
    """The local Ray head that ``triage up`` starts; port 0 means a free one."""

    logical_cpus: PositiveInt
    port: Port
    dashboard_port: Port
    haproxy: bool
    throughput_optimized: bool


class Prefect(Section):
    """The Prefect server that ``triage up`` starts."""

    port: Port


class Http(Section):
    """Where the service listens."""

    host: str
    port: Port


class Signing(Section):
    """Files of the keys that sign and verify models."""

    private_key: Address
    public_key: Address


class Platform(Section):
    """Addresses of the parts; the names of the models that are served, whether or not a version of theirs is released."""

    records: Address
    datasets: Address
    models: tuple[str, ...]
    ray: Ray
    prefect: Prefect
    http: Http
    signing: Signing

    @property
    def all_models(self) -> tuple[str, ...]:
        """Every model that may have answered: a summarizer is served once a version of it is released."""
        return tuple(dict.fromkeys((*self.models, SUMMARIZER)))
