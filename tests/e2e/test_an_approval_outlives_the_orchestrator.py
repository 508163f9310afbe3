"""Kill Prefect's server while an approval is awaited: what the approver says counts all the same."""

import pytest

from libs.common.domain.audit import Role
from libs.common.domain.model import Stage
from libs.common.domain.promotion import PromotionOutcome
from tests.e2e.platform import MODEL, Platform, until

pytestmark = pytest.mark.timeout(400)


def test_an_approval_given_while_prefect_is_dead_is_acted_on_after_its_restart(platform: Platform) -> None:
    version = platform.train(seed=3).version
    platform.run("promote", MODEL, version, "--to", "staging")
    waiting = next(one for one in platform.stores.records.promotions.open() if one.version == version)
    assert platform.orchestrator.state(waiting.flow_run_id) == "SUSPENDED"
    before = platform.status()
    platform.kill("prefect")
    platform.run("approve", waiting.id, "--reason", "while the server is down", role=Role.APPROVER)
    platform.heal("prefect", before)
    records = platform.stores.records
    until(lambda: records.promotions.get(waiting.id).outcome is PromotionOutcome.PROMOTE, 120, "the promotion is decided")
    assert [vote.approver for vote in records.promotions.get(waiting.id).approvals] == ["alice"]
    until(lambda: platform.stores.registry.get(MODEL, version).stage is Stage.STAGING, 30, "the registry says so")
