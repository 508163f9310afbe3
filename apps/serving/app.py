"""Front door: puts the server of every configured model on the running Ray. ``python -m apps.serving.app --env local``"""

import argparse
import sys

from apps.serving.deploy import connect_ray, deploy_server, start_serve
from apps.serving.settings import Folders, replica_settings
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.errors import TriageError
from libs.common.logs import set_up_logs


def deploy(config: Config, home: Home, port: int) -> None:
    """Start Serve and deploy every model's server; what runs already is left alone."""
    connect_ray()
    start_serve(config.platform.http.host, port)
    for model in config.platform.models:
        settings = replica_settings(model, config.model_serving, config.addresses(home), Folders.below(home))
        fresh = deploy_server(config.model_serving, settings)
        print(f"{model}: {'deployed' if fresh else 'runs already'}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, deploy, and say what was done; 1 with one clear error when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m apps.serving.app", description=__doc__)
    parser.add_argument("--env", help="the environment under clusters/ (default: TRIAGE_ENV, else local)")
    parser.add_argument("--port", type=int, help="where HTTP listens (default: platform.http.port)")
    chosen = parser.parse_args(arguments)
    set_up_logs()
    try:
        config = load_config(chosen.env)
        deploy(config, Home.find(), chosen.port or config.platform.http.port)
    except TriageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
