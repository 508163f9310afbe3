"""Replicas come and go with the load, on a real Serve behind its real ingress."""

from datetime import timedelta
from pathlib import Path

import pytest

from libs.common.config.loader import load_config
from tests.integration.serving_service import Load, running_service, scripted, wait_until

# Ray's own: its Field keywords, and sockets it leaves to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

# Serve averages what it measures over half a minute before it takes a replica away.
SCALES_WITHIN_S = 120.0


def test_a_replica_comes_with_a_step_of_load_and_goes_after_it_and_no_request_fails(tmp_path: Path) -> None:
    configured = load_config("demo").model_serving
    quickly = {"scale_up_cooldown": timedelta(seconds=1), "scale_down_cooldown": timedelta(seconds=2)}
    scaling = configured.auto_scaling.model_copy(update={"min_replicas": 1, "max_replicas": 2, **quickly})
    replica = configured.replica.model_copy(update={"target_ongoing_requests": 4})
    serving = configured.model_copy(update={"auto_scaling": scaling, "replica": replica})
    # What waits for the second replica is answered, however long a busy machine takes to start one.
    with running_service(tmp_path, serving=serving, request_timeout_s=60.0, longest_wait_s=60.0) as service:

        def replicas() -> int:
            return len(service.server_processes())

        service.route_and_wait(stable=scripted("1.0.0", "slow"))
        assert replicas() == 1
        with Load(service.url, rate=11) as step:  # one replica answers 10 a second
            wait_until(lambda: replicas() == 2, "a second replica", SCALES_WITHIN_S)
            step.wait_for(40)
        with Load(service.url, rate=2) as trickle:
            wait_until(lambda: replicas() == 1, "it goes again", SCALES_WITHIN_S)
            trickle.wait_for(5)
    assert not step.failures + trickle.failures
