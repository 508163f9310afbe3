import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.common.domain.alert import Severity
from libs.common.notation import parse_duration

REPO = Path(__file__).resolve().parents[3]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((REPO / "clusters/observability/prometheus-rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_has_a_hold_a_severity_and_a_runbook_that_exists(rule: dict[str, Any]) -> None:
    assert parse_duration(rule["for"])
    assert Severity(rule["labels"]["severity"])
    assert rule["annotations"]["summary"]
    assert (REPO / rule["annotations"]["runbook_url"]).exists()


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_a_rule_reads_only_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    exported = (REPO / "apps/serving/metrics.py").read_text()
    read = re.findall(r"\b(triage_\w+?)(?:_bucket|_total)?(?=[\[{)])", rule["expr"])
    assert read or "ray_serve_" in rule["expr"]
    assert [name for name in read if f'"{name}"' not in exported] == []
