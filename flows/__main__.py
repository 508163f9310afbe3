"""Front door of the flow process: ``python -m flows`` serves ``flows.deployments`` at the server that PREFECT_API_URL names."""

import argparse
import asyncio
import os
from pathlib import Path

# What flow runs import; half of the 6 s that it takes is the flows themselves, with Prefect and SQLAlchemy.
_PREPARED = ("flows.deployments", "ray.serve", "ray.data", "ray.train.torch", "mlflow", "sklearn.linear_model")


def main() -> None:
    """Serve until told to end."""
    from flows.deployments import deployments
    from flows.processes import fork_runs
    from flows.reconcile import reconcile
    from flows.serve import serve
    from libs.common.logs import set_up_logs
    from libs.common.stores.orchestrator import Orchestrator

    parser = argparse.ArgumentParser(prog="python -m flows", description=__doc__)
    parser.add_argument("--heartbeat", type=Path, help="file to rewrite every second while the flows are served")
    arguments = parser.parse_args()
    set_up_logs()
    fork_runs(_PREPARED)
    asyncio.run(serve(deployments(), Orchestrator(os.environ.get("PREFECT_API_URL", "")), reconcile, arguments.heartbeat))


if __name__ == "__main__":
    main()
