"""What every test stands on: a clean environment, a state home of its own, and the real corpora where there are any."""

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[1]
CORPORA = ("spamassassin.parquet", "aeslc.parquet")

# Set before any library is imported: several read these once, at import.
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # as `triage up` starts it: on a busy machine 15, which is Ray's own, is to wait for minutes
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "MPLBACKEND": "Agg",
}
# Hundreds of processes import the same code: once compiled is enough.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state home that no other test sees; none of the caller's own ``TRIAGE_…`` settings leaks in."""
    for name in [name for name in os.environ if name.startswith("TRIAGE_") and name != "TRIAGE_SHARED"]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    monkeypatch.setenv("TRIAGE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of the real corpora: ``TRIAGE_SHARED``, else ``../shared/data`` beside the checkout.

    Without it tests skip at home, and fail where they are expected: in CI, or when ``TRIAGE_SHARED`` names it.
    """
    named = os.environ.get("TRIAGE_SHARED")
    folder = Path(named) if named else REPO.parent / "shared" / "data"
    missing = [name for name in CORPORA if not (folder / name).exists()]
    if not missing:
        return folder
    said = f"{folder}: {', '.join(missing)} not found; set TRIAGE_SHARED to the folder that holds the corpora"
    if named or os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said)
