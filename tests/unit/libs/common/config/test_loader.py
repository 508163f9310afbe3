"""The loader merges, hides secrets, and reports every fault of every file at once."""

import shutil
from pathlib import Path

import pytest
import yaml

from libs.common.config.configuration import STEMS
from libs.common.config.home import REPO, Home
from libs.common.config.loader import describe, load_config, merge
from libs.common.errors import ConfigError


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    shutil.copytree(REPO / "config", tmp_path / "config")
    shutil.copytree(REPO / "clusters", tmp_path / "clusters")
    shutil.copytree(REPO / "docs" / "runbooks", tmp_path / "docs" / "runbooks")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def faults_of(repo: Path, env: str = "local") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(env, repo)
    return caught.value.faults


@pytest.mark.parametrize("env", ["local", "demo", "staging", "production"])
def test_every_environment_that_we_ship_is_sound(env: str) -> None:
    assert load_config(env).environment == env


def test_there_are_the_eleven_blocks_of_the_specification_and_the_platform() -> None:
    assert len(STEMS) == 12


def test_all_faults_of_all_files_come_in_one_list(repo: Path) -> None:
    edit(repo / "config/training.yaml", 'tool: "MLflow"', 'tool: "Excel"')
    edit(repo / "config/retraining.yaml", "accuracy_drop: 0.03", "acuracy_drop: 0.03")
    edit(repo / "clusters/local/overlay.yaml", "warm_models: []", "warm_models: []\n    cache_size: 4 parsecs")
    (repo / "config/monitoring.yaml").write_text("monitoring: [")
    faults = "\n".join(faults_of(repo))
    assert "config/training.yaml: training.experiment_tracking.tool: found 'Excel'" in faults
    assert "retraining.triggers.performance_degradation.acuracy_drop: is no key" in faults
    assert "retraining.triggers.performance_degradation.accuracy_drop: is missing" in faults
    assert "clusters/local/overlay.yaml: model_serving.model_caching.cache_size: found '4 parsecs'" in faults
    assert "config/monitoring.yaml: is no YAML" in faults


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("deployment_strategies", "[5, 25, 50, 100]", "[5, 50, 25, 100]", "canary.progression"),
        ("deployment_strategies", 'initial_traffic: "5%"', 'initial_traffic: "10%"', "canary.initial_traffic"),
        ("deployment_strategies", 'lease: "60 seconds"', 'lease: "5 minutes"', "canary.lease"),
        ("model_serving", "min_replicas: 2", "min_replicas: 20", "auto_scaling.min_replicas"),
        ("model_serving", "roots: []", 'roots: ["mail"]', "batches.roots"),
        ("monitoring", "p50_threshold_ms: 100", "p50_threshold_ms: 300", "latency_monitoring"),
        ("monitoring", "alert_threshold: 0.92", "alert_threshold: 0.9", "alert_threshold"),
        ("retraining", "drift_score: 0.15", "drift_score: 0.05", "data_drift.drift_score"),
        ("retraining", "automatic_promotion: false", "automatic_promotion: true", "automatic_promotion"),
        ("alerting", "model-accuracy-degradation.md", "nowhere.md", "runbook"),
        ("alerting", 'severity_levels: ["medium", "low"]', 'severity_levels: ["low"]', "no channel takes 'medium'"),
    ],
)
def test_a_contradiction_names_its_key(repo: Path, file: str, old: str, new: str, said: str) -> None:
    edit(repo / "config" / f"{file}.yaml", old, new)
    assert any(said in fault for fault in faults_of(repo))


def test_summarizers_are_no_more_than_replicas_may_be(repo: Path) -> None:
    edit(repo / "clusters/local/overlay.yaml", "min_replicas: 1", "min_replicas: 9")
    assert any("model_serving.summaries.min_replicas: 9" in fault for fault in faults_of(repo))


def test_secrets_are_names_of_variables_and_print_as_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_ML_ALERTS_WEBHOOK", "https://hooks.example/very-secret")
    shown = yaml.safe_dump(describe(load_config("local"), Home(Path("/state"))))
    assert "very-secret" not in shown
    assert "***" in shown


def test_a_secret_written_out_is_refused(repo: Path) -> None:
    edit(repo / "config/alerting.yaml", "${SLACK_ML_ALERTS_WEBHOOK}", "https://hooks.example/very-secret")
    faults = "\n".join(faults_of(repo))
    assert "a secret never stands in a file" in faults
    assert "very-secret" not in faults


def test_an_unknown_environment_lists_the_known_ones(repo: Path) -> None:
    assert any("demo, local, production, staging" in fault for fault in faults_of(repo, "moon"))


def test_a_missing_variable_is_named_when_its_address_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIAGE_RECORDS_URL", raising=False)
    with pytest.raises(ConfigError, match="TRIAGE_RECORDS_URL"):
        load_config("production").addresses(Home(Path("/state")))


def test_overlays_replace_lists_and_merge_mappings() -> None:
    assert merge({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}}
