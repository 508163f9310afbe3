"""Serving as flows use it: a model's own Serve application, and the candidate's beside it."""

import time

from apps.serving import deploy
from apps.serving.installation import install
from apps.serving.settings import Folders, ReplicaSettings, replica_settings
from flows.context import FlowContext
from libs.common.config.model_serving import ModelServing
from libs.common.domain.model import ModelRef
from libs.common.errors import ModelError, Unavailable
from libs.common.stores.orchestrator import connect_ray

_POLL_S = 0.25
_COMES_UP_WITHIN_S = 120.0


class ServeSlots:
    """Deploys servers and slots on the running Ray cluster, and retires slots; connects when first used."""

    def __init__(self, context: FlowContext) -> None:
        self._context = context

    def serve(self, model: str) -> None:
        """Start the server of ``model`` where none runs: a summarizer has none before its first release."""
        connect_ray()
        install(model, self._context.config, self._context.home)

    def deploy(self, candidate: ModelRef) -> None:
        """Start the candidate's slot and return when it is warm; Unavailable when it does not come up."""
        connect_ray()
        deploy.deploy_slot(self._serving, candidate, self._settings(candidate.name))
        deadline = time.monotonic() + _COMES_UP_WITHIN_S
        try:
            while not deploy.slot_ready(candidate.name, candidate):
                if time.monotonic() > deadline:
                    raise Unavailable(f"the slot of {candidate} was not ready within {_COMES_UP_WITHIN_S:.0f} s")
                time.sleep(_POLL_S)
        except ModelError as error:
            raise Unavailable(error.message, error.hint) from error

    def retire(self, model: str) -> None:
        """Stop the slot of ``model``; nothing happens where it is empty."""
        connect_ray()
        deploy.retire_slot(model)

    @property
    def _serving(self) -> ModelServing:
        return self._context.config.model_serving

    def _settings(self, model: str) -> ReplicaSettings:
        context = self._context
        return replica_settings(model, self._serving, context.stores.addresses, Folders.below(context.home))
