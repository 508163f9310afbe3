"""What the command lines of the apps share: how one runs, puts an app on the running Ray, shows how far it is."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.domain.progress import Watch, bar
from libs.common.errors import TriageError
from libs.common.logs import set_up_logs
from libs.common.terminal import StatusLine

Deploy = Callable[[Config, Home, int], dict[str, bool]]


def open_door(module: str, purpose: str | None, deploy: Deploy, arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, deploy, and say of each application whether it is new; 1 with one clear error if it cannot be."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    parser.add_argument("--env", help="the environment under clusters/ (default: TRIAGE_ENV, else local)")
    parser.add_argument("--port", type=int, help="where HTTP listens (default: platform.http.port)")
    chosen = parser.parse_args(arguments)
    set_up_logs()
    try:
        config = load_config(chosen.env)
        found = deploy(config, Home.find(), chosen.port or config.platform.http.port)
    except TriageError as error:
        print(error, file=sys.stderr)
        return 1
    for application, fresh in found.items():
        print(f"{application}: {'deployed' if fresh else 'runs already'}", flush=True)
    return 0


def run_commands(app: Callable[[], object]) -> None:
    """Run a command line; an error that is the user's to read is printed without a traceback, with exit status 1."""
    set_up_logs()
    try:
        app()
    except TriageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def shown_progress(stream: TextIO) -> Watch:
    """A bar on a terminal; a line now and then in the log of a job."""
    line = StatusLine(stream)
    return lambda progress: line.show(f"{bar(progress.share)} {progress}", last=progress.ended)
