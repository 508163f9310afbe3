"""The product's serving as `triage up` starts it, without the parts that answer no request: a process for the bench to end."""

import os
import shutil
import signal
import sys
from pathlib import Path

from apps.serving.app import deploy
from bench.contestants.engine import ARTIFACT, PORT, setting
from libs.common.config.configuration import Config
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.domain.model import ModelRef
from libs.common.domain.traffic import Traffic
from libs.common.logs import set_up_logs
from libs.common.models.artifact import verify_artifact
from libs.common.models.signing import sign_artifact
from libs.common.stores.objects import open_objects
from libs.common.stores.records import migrate, open_records

MODEL = "email_classifier"


def main() -> int:
    """Release the artifact in a home of its own, deploy, and stay until the bench ends it."""
    import ray

    set_up_logs()
    config, home = _without_kept_answers(load_config("local")), Home.find()
    _release(Path(os.environ[ARTIFACT]), config, home)
    ray.init(address="local", num_cpus=config.platform.ray.logical_cpus, include_dashboard=False, log_to_driver=False)
    deploy(config, home, setting(PORT))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


def _without_kept_answers(config: Config) -> Config:
    """Every answer computed: the load sends the same e-mails again and again, and peers keep none."""
    spared = config.cost_optimization
    inference = spared.inference_optimization.model_copy(update={"caching_strategy": "off"})
    return config.model_copy(update={"cost_optimization": spared.model_copy(update={"inference_optimization": inference})})


def _release(artifact: Path, config: Config, home: Home) -> None:
    """Sign, store and make live, as a promotion ends."""
    addresses = config.addresses(home)
    assert addresses.signing is not None
    signed = shutil.copytree(artifact, home.root / "signed" / artifact.name)
    sign_artifact(signed, addresses.signing)
    uri = open_objects(addresses.objects).put_folder(f"models/{artifact.name}", signed)
    migrate(addresses.records)
    records = open_records(addresses.records)
    ref = ModelRef(name=MODEL, version="1", digest=verify_artifact(signed), uri=uri)
    records.traffic.save(Traffic(model=MODEL, stable=ref))
    records.close()


if __name__ == "__main__":
    sys.exit(main())
