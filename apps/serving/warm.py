"""The models of the configuration that replicas always keep loaded: from their names to the versions in the registry."""

from collections.abc import Callable, Iterable, Iterator

from libs.common.domain.model import ModelRef
from libs.common.errors import ModelNotFound
from libs.common.logs import get_logger

logger = get_logger("serving.warm")

# The specification writes classifier_v2.1 for version 2.1 of the model that is registered as email_classifier.
_FAMILY_NAME = "email_"

Find = Callable[[str, str], ModelRef]
"""The version with this model's name and number; ModelNotFound says which there are."""


def warm_models(names: Iterable[str], model: str, find: Find) -> tuple[ModelRef, ...]:
    """The versions of ``model`` among ``names``; one that is not registered is told in the log and left out."""
    return tuple(_found(names, model, find))


def _found(names: Iterable[str], model: str, find: Find) -> Iterator[ModelRef]:
    for written in names:
        name, _, version = written.rpartition("_v")
        if model not in (name, _FAMILY_NAME + name):
            continue
        try:
            yield find(model, version)
        except ModelNotFound as error:
            logger.warning("model_serving.model_caching.warm_models: %s is not kept warm: %s", written, error)
