"""Which version triages: the one that is asked for, else the one that answers live traffic."""

from libs.common.connect import Stores
from libs.common.domain.model import ModelVersion
from libs.common.errors import ModelNotFound

LIVE = "live"


def find_version(stores: Stores, model: str, version: str = LIVE) -> ModelVersion:
    """A version by number, ``@alias`` or ``latest``; ``live`` is who answers now, else the champion, else ModelNotFound."""
    if version != LIVE:
        return stores.registry.get(model, version)
    stable = stores.records.traffic.get(model).stable
    found = stores.registry.get(model, stable.version) if stable else stores.registry.champion(model)
    if found is None:
        raise ModelNotFound(f"no version of {model} is live", "release one, or name one: --version 3")
    return found
