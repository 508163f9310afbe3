"""The Serve deployment around the batch API: one small replica beside the models' own, which triages nothing itself."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.serving.batches.desk import BatchDesk, BatchRules
from apps.serving.batches.jobs import RayJobs
from libs.common.config.configuration import Addresses, Config
from libs.common.config.home import REPO, Home
from libs.common.connect import connect
from libs.common.logs import set_up_logs

APPLICATION = "batch"
ROUTE = "/v1/batch"


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Where the desk finds its stores, what may be asked of it, and what its jobs find in their environment."""

    addresses: Addresses
    rules: BatchRules
    variables: dict[str, str]

    @classmethod
    def of(cls, config: Config, home: Home) -> "BatchSettings":
        """The settings under ``config``."""
        batches = config.model_serving.batches
        rules = BatchRules(config.platform.models, batches.roots, batches.upload_limit, batches.open_limit)
        return cls(config.addresses(home), rules, {"TRIAGE_HOME": str(home.root), "TRIAGE_ENV": config.environment})


class Batches:
    """Answers the batch API."""

    def __init__(self, settings: BatchSettings) -> None:
        import ray

        set_up_logs()
        stores = connect(settings.addresses)
        cluster = str(ray.get_runtime_context().gcs_address)
        address = os.environ.get("RAY_API_SERVER_ADDRESS") or cluster
        jobs, records = RayJobs(address, cluster, REPO, settings.variables), stores.records
        self._objects = stores.objects
        self._desk = BatchDesk(
            records.batches,
            stores.objects,
            jobs,
            records.principals,
            records.audit.append,
            settings.rules,
            lambda: datetime.now(UTC),
        )

    def __serve_build_asgi_app__(self) -> Callable[[Any, Any, Any], Awaitable[None]]:
        """What Serve's ingress calls."""
        from apps.serving.batches.api import at_its_prefix, build_api

        return at_its_prefix(build_api(self._desk, self._objects))
