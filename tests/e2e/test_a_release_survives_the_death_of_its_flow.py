"""Kill the flows in the middle of a canary: stable takes over by itself, and the release goes on once flows run again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.console.demo.load_records import Kind
from libs.common.domain.rollout import RolloutPhase
from tests.e2e.platform import MODEL, Platform, until

pytestmark = pytest.mark.timeout(600)


def test_the_traffic_goes_back_within_a_minute_and_the_release_ends_after_a_restart(platform: Platform, tmp_path: Path) -> None:
    candidate = platform.train(seed=2)
    load = platform.begin_load(tmp_path)
    try:
        platform.approve_for_production(candidate.version)
        until(lambda: _progressing(platform, candidate.version), 120, "the canary takes traffic")
        before = platform.status()
        platform.kill("flows")
        left = platform.rollout_of(candidate.version)
        assert left is not None
        until(lambda: not _takes_traffic(platform), 60, "nobody renews the lease: stable alone answers")
        back_at = datetime.now(UTC)
        answered = len(load.requests())
        until(lambda: len(load.requests()) > answered + 30, 30, "the service goes on answering")
        late = [
            request for request in load.requests() if request.due_at > back_at.timestamp() + 1 and request.kind is Kind.CLASSIFY
        ]
        assert {request.variant for request in late} == {"stable"}
        platform.heal("flows", before)
        until(lambda: _phase(platform, candidate.version) is RolloutPhase.SUCCEEDED, 180, "the release goes on and ends")
    finally:
        counts = load.end()
    ended = platform.rollout_of(candidate.version)
    assert ended is not None
    assert ended.id == left.id
    assert counts.failed == 0
    assert counts.answered_twice == 0
    assert platform.stores.registry.get(MODEL, "@champion").version == candidate.version


def _phase(platform: Platform, version: str) -> RolloutPhase | None:
    rollout = platform.rollout_of(version)
    return rollout.phase if rollout else None


def _progressing(platform: Platform, version: str) -> bool:
    return _phase(platform, version) is RolloutPhase.PROGRESSING and _takes_traffic(platform)


def _takes_traffic(platform: Platform) -> bool:
    return platform.stores.records.traffic.get(MODEL).at(datetime.now(UTC)).weight > 0
