"""What an app's command line does around the deployment: options in, a line for each application or one error out."""

from pathlib import Path

import pytest

from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.errors import ConfigError, Unavailable
from libs.common.front_door import open_door, run_commands


def _open(deploy: object, *arguments: str) -> int:
    return open_door("apps.example.app", "Front door of an example.", deploy, arguments)  # type: ignore[arg-type]


def test_each_application_is_told_of_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    ports: list[int] = []

    def deploy(config: Config, home: Home, port: int) -> dict[str, bool]:
        ports.append(port)
        return {"new": True, "old": False}

    assert _open(deploy, "--env", "demo", "--port", "8123") == 0
    assert ports == [8123]
    assert capsys.readouterr().out == "new: deployed\nold: runs already\n"


def test_what_cannot_be_deployed_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))

    def deploy(config: Config, home: Home, port: int) -> dict[str, bool]:
        raise Unavailable("no Ray cluster is named", "run `triage up`, or set RAY_ADDRESS")

    assert _open(deploy) == 1
    said = capsys.readouterr()
    assert "no Ray cluster is named" in said.err
    assert said.out == ""


def test_an_environment_that_is_not_there_reaches_no_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    assert _open(pytest.fail, "--env", "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err


def test_an_error_that_is_the_users_to_read_has_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def app() -> None:
        raise ConfigError(["TRIAGE_ENV: found x"])

    with pytest.raises(SystemExit, match="1"):
        run_commands(app)
    told = capsys.readouterr().err
    assert "TRIAGE_ENV: found x" in told and "Traceback" not in told
