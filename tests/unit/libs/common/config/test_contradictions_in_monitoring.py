from pathlib import Path

import pytest
import yaml

from libs.common.config.loader import load_config
from libs.common.errors import ConfigError

REPO = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        (
            {"alerting": {"alert_rules": {"r": {"condition": "acuracy < 0.9", "severity": "high"}}}},
            "nothing measures 'acuracy'",
        ),
        ({"monitoring": {"data_drift_detection": {"min_sample": 30_000}}}, "is more than max_sample 20000"),
        ({"monitoring": {"cycle": "5 minutes"}}, "requests go unmeasured"),
        (
            {"training": {"search": {"families": {"tabular": {"space": {"max_term": {"low": 1, "high": 2}}}}}}},
            r"training\.search\.families\.tabular\.space\.max_term: is no option of training\.families\.tabular",
        ),
        ({"deployment_strategies": {"canary": {"analysis": {"alpha": 0}}}}, "deployment_strategies.canary.analysis.alpha"),
    ],
)
def test_what_cannot_be_meant_is_said(overlay: dict[str, object], said: str, tmp_path: Path) -> None:
    for name in ("config", "docs"):
        (tmp_path / name).symlink_to(REPO / name)
    (tmp_path / "clusters" / "wrong").mkdir(parents=True)
    (tmp_path / "clusters" / "local").symlink_to(REPO / "clusters" / "local")
    (tmp_path / "clusters" / "wrong" / "overlay.yaml").write_text(yaml.safe_dump({"extends": "local", **overlay}))
    with pytest.raises(ConfigError, match=said):
        load_config("wrong", tmp_path)
