"""Which flows are served, and when each runs by itself."""

from flows.build_dataset import build_dataset
from flows.housekeeping import housekeeping
from flows.monitor_models import monitor_models
from flows.promote_model import promote_model
from flows.rebuild_dataset import rebuild_dataset
from flows.release_model import release_model
from flows.retrain_model import retrain_model
from flows.serve import Deployment
from flows.train_model import train_model
from flows.tune_model import tune_model


def deployments() -> list[Deployment]:
    """Every flow of the lifecycle, in its order."""
    return [
        Deployment(build_dataset, "sources → a checked, versioned dataset"),
        Deployment(rebuild_dataset, "a version's lineage → the same version, or what differs"),
        Deployment(tune_model, "a dataset version's folds → better options of one family"),
        Deployment(train_model, "a dataset version → registered model versions"),
        Deployment(promote_model, "gates and approvals, stage by stage"),
        Deployment(release_model, "a version → live traffic, or back again"),
        Deployment(monitor_models, "the daily report on every live model", cron="0 6 * * *"),
        Deployment(retrain_model, "new data → a new version that asks for promotion"),
        Deployment(housekeeping, "retention, and a check of the audit chain", cron="0 3 * * *"),
    ]
