"""A summarizer goes the way of every model: taught, asked for by its gates, approved twice, released, and asked by callers."""

import pytest

from libs.common.domain.model import SUMMARIZER
from libs.common.http_calls import http
from tests.e2e.platform import Platform, until

pytestmark = pytest.mark.timeout(500)

BODY = "Dear team,\n\nthe printer on the second floor is broken again. Please send somebody before noon.\n\nBest,\nAnn"


def test_a_summarizer_is_taught_promoted_released_and_answers(platform: Platform) -> None:
    platform.run("train", SUMMARIZER, "--family", "extractive")
    version = platform.stores.registry.get(SUMMARIZER).version
    platform.approve_for_production(version, SUMMARIZER)
    until(lambda: platform.released(version, SUMMARIZER), 120, "the summarizer is live")
    asked = {"subject": "Printer", "body": BODY}
    until(lambda: http().post(f"{platform.url}/v1/triage", json=asked).status_code == 200, 60, "every replica can ask it")
    answer = http().post(f"{platform.url}/v1/summarize", json=asked).json()
    assert (answer["model"], answer["version"]) == (SUMMARIZER, version)
    assert answer["summary"]
    assert answer["summary"].lower() in " ".join(BODY.split()).lower()
    both = http().post(f"{platform.url}/v1/triage", json=asked).json()
    assert both["summarization"]["summary"] == answer["summary"]
    assert both["classification"]["label"]
