"""The stage around a search: it reads the training rows only, and leaves an event in the audit chain."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from apps.training.pipeline import Workplace
from apps.training.search import tune
from apps.training.search.question import Question, TuneRequest
from libs.common.config.loader import load_config
from libs.common.domain.audit import Actor, Role
from libs.common.domain.dataset import Split
from tests.unit.apps.training.mails import mailbox
from tests.unit.apps.training.search.test_question import DATASET
from tests.unit.libs.common.domain.test_search import selection

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_outcome_is_audited_with_what_it_rests_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    events: list[tuple[Any, ...]] = []
    questions: list[Question] = []
    read: list[Split] = []
    stores: Any = SimpleNamespace(
        datasets=SimpleNamespace(checkout=lambda name, version, into: into),
        registry=None,
        records=SimpleNamespace(audit=SimpleNamespace(append=lambda *event: events.append(event))),
    )
    monkeypatch.setattr(tune, "read_examples", lambda folder, split: read.append(split) or mailbox(45))
    found = selection((0.9, 0.88))
    monkeypatch.setattr(tune, "search_options", lambda question, *rest: questions.append(question) or found)
    actor = Actor(name="job:training", role=Role.SYSTEM)
    place = Workplace(stores, actor, NOW)
    assert tune.tune_version(place, TuneRequest(), load_config("local").training, DATASET, tmp_path) == found
    assert read == [Split.TRAIN] and questions[0].train == mailbox(45)
    ((who, action, subject, details, at),) = events
    assert (who, action, subject, at) == (actor, "model_tuned", "email_classifier/tabular", NOW)
    assert details["options"] == found.options and details["dataset_digest"] == found.dataset_digest
    assert (details["macro_f1"], details["configured_macro_f1"]) == (pytest.approx(0.89), pytest.approx(0.85))
