"""Detailed samples: which requests, the same ones everywhere; a keyed digest in place of content."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.serving.replica import connect_stores
from apps.serving.sampler import Sampler, is_sampled, own_key
from apps.serving.settings import Sampling
from libs.common.config.audit_logging import InferenceLogging
from libs.common.config.configuration import Addresses
from libs.common.config.home import Home
from libs.common.domain.triage import PredictionSample
from libs.common.errors import ConfigError, StoreError
from libs.common.stores.records import migrate
from tests.unit.apps.serving.fakes import settings
from tests.unit.apps.serving.rooms import BODY

KEY = b"k" * 32


class Kept(list[PredictionSample]):
    """The samples as a list; ``full`` makes it fail as a full disk does."""

    full = False

    def append(self, entry: PredictionSample) -> None:
        if self.full:
            raise StoreError("the disk is full")
        super().append(entry)


@given(st.text(max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rate_takes_what_a_lower_one_takes(request_id: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert is_sampled(request_id, high) or not is_sampled(request_id, low)
    assert is_sampled(request_id, 1)
    assert not is_sampled(request_id, 0)


def test_one_in_a_hundred_is_one_in_a_hundred_and_the_same_for_ever() -> None:
    taken = [number for number in range(10_000) if is_sampled(f"request-{number}", 0.01)]
    assert 70 <= len(taken) <= 130
    assert taken[:5] == [215, 268, 326, 431, 481], "samples taken before and after an upgrade must be the same"


async def test_a_sample_joins_its_event_and_holds_no_content(opened: Callable[..., Any]) -> None:
    kept = Kept()
    room = await opened(sampler=Sampler(1, KEY, kept))
    for change in ({}, {"sender": "eve@example.com", "message_id": "<2@example.com>"}, {"subject": "Other"}):
        await room.http.post("/v1/classify", json=BODY | change)
    assert [sample.request_id for sample in kept] == [event.request_id for event in room.events.events]
    assert kept[0].probabilities == {"spam": 0.75, "work": 0.25}
    assert kept[0].input_hash == kept[1].input_hash != kept[2].input_hash, "it is of what the model reads"
    written = json.dumps([dataclasses.asdict(sample) for sample in kept], default=str)
    assert not [content for content in (*BODY.values(), "eve", "Other", "ann") if content in written]


async def test_only_the_sampled_are_kept_and_without_a_key_nothing_is_hashed(opened: Callable[..., Any]) -> None:
    kept = Kept()
    room = await opened(sampler=Sampler(0.5, None, kept))
    for number in range(20):
        await room.http.post("/v1/classify", json=BODY, headers={"X-Request-Id": f"r{number}"})
    assert [sample.request_id for sample in kept] == [f"r{n}" for n in range(20) if is_sampled(f"r{n}", 0.5)]
    assert {sample.input_hash for sample in kept} == {""}


async def test_a_sample_that_cannot_be_written_fails_no_request_and_no_event(opened: Callable[..., Any]) -> None:
    kept = Kept()
    kept.full = True
    room = await opened(sampler=Sampler(1, KEY, kept))
    assert (await room.http.post("/v1/classify", json=BODY)).status_code == 200
    assert len(room.events.events) == 1
    assert room.metrics.faults["sample"] == 1


def test_another_key_makes_another_hash(tmp_path: Path) -> None:
    assert own_key(tmp_path / "a" / "key") == own_key(tmp_path / "a" / "key") != own_key(tmp_path / "b" / "key")
    assert (tmp_path / "a" / "key").stat().st_mode & 0o777 == 0o600


def logging_section() -> InferenceLogging:
    return InferenceLogging.model_validate(
        {
            "sample_rate": 0.01,
            "include_input_hash": True,
            "exclude_sensitive_data": True,
            "retention_period": "90 days",
            "input_hash_key": "${TRIAGE_INPUT_HASH_KEY}",
        }
    )


def test_a_key_comes_from_the_environment_and_is_not_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_INPUT_HASH_KEY", "k" * 32)
    assert Sampling.under(logging_section(), Home(tmp_path)).key == "k" * 32
    monkeypatch.setenv("TRIAGE_INPUT_HASH_KEY", "k" * 31)
    with pytest.raises(ConfigError, match="input_hash_key: found 31 characters; write 32"):
        Sampling.under(logging_section(), Home(tmp_path))


def test_a_replica_keeps_the_configured_share_under_the_homes_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAGE_INPUT_HASH_KEY", raising=False)
    addresses = Addresses(f"sqlite:///{tmp_path}/records.db", str(tmp_path / "objects"), "", "", "")
    migrate(addresses.records)
    sampling = Sampling.under(logging_section(), Home(tmp_path))
    stores = connect_stores(settings(tmp_path, addresses=addresses, sampling=sampling), "r1")
    assert stores.sampler is not None
    assert (tmp_path / "keys" / "input-hash.key").exists()
    assert sum(stores.sampler.takes(f"request-{number}") for number in range(482)) == 5
