"""Addresses → Stores: the only place that knows which service backs which. Each store opens when it is first used."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.config.configuration import Addresses
from libs.common.domain.audit import AuditHead

if TYPE_CHECKING:
    from libs.common.stores.datasets import DatasetStore
    from libs.common.stores.objects import Objects
    from libs.common.stores.orchestrator import Orchestrator
    from libs.common.stores.predictions import PredictionLog
    from libs.common.stores.records import Records
    from libs.common.stores.registry import ModelRegistry

AUDIT_HEAD_KEY = "audit/head.json"


@dataclass(frozen=True)
class Stores:
    """Every outside service, by role."""

    addresses: Addresses

    @cached_property
    def records(self) -> "Records":
        """Traffic, rollouts, promotions, feedback, alerts and the audit chain."""
        from libs.common.stores.records import open_records

        return open_records(self.addresses.records, keep_head=self._keep_head)

    def _keep_head(self, head: AuditHead) -> None:
        self.objects.put_bytes(AUDIT_HEAD_KEY, head.model_dump_json().encode())

    def noted_head(self) -> AuditHead | None:
        """The audit chain's newest record as noted outside the records database; None before the first."""
        if not self.objects.exists(AUDIT_HEAD_KEY):
            return None
        return AuditHead.model_validate_json(self.objects.get_bytes(AUDIT_HEAD_KEY))

    @cached_property
    def objects(self) -> "Objects":
        """Model artifacts and shipped prediction segments."""
        from libs.common.stores.objects import open_objects

        return open_objects(self.addresses.objects)

    @cached_property
    def datasets(self) -> "DatasetStore":
        """The data workspace."""
        from libs.common.stores.datasets import DatasetStore

        return DatasetStore(Path(self.addresses.datasets), self.addresses.dataset_remote)

    @cached_property
    def registry(self) -> "ModelRegistry":
        """Registered model versions."""
        from libs.common.stores.registry import ModelRegistry

        return ModelRegistry(self.addresses.tracking, self.objects, self._sign)

    def _sign(self, folder: Path) -> Path | None:
        from libs.common.models.signing import sign_artifact

        return sign_artifact(folder, self.addresses.signing) if self.addresses.signing else None

    @property
    def trusted_key(self) -> Path | None:
        """The public key that a model must be signed with to be loaded; None where none is configured."""
        from libs.common.models.signing import trusted_key

        return trusted_key(self.addresses.signing)

    @cached_property
    def predictions(self) -> "PredictionLog":
        """The prediction log as monitoring reads it."""
        from libs.common.stores.predictions import PredictionLog

        return PredictionLog(self.objects)

    @cached_property
    def orchestrator(self) -> "Orchestrator":
        """Starts flows by name; finds the server at ``PREFECT_API_URL``, which ``triage up`` sets for its processes."""
        from libs.common.stores.orchestrator import Orchestrator

        return Orchestrator(os.environ.get("PREFECT_API_URL", ""))


def connect(addresses: Addresses) -> Stores:
    """The stores at ``addresses``; opens nothing yet."""
    return Stores(addresses)
