from pathlib import Path

import pytest

from flows.context import FlowContext
from flows.retrain_model import families_of
from libs.common.config.configuration import Config
from tests.unit.flows.standing import MODEL, Orchestrator, Registry, standing, version


def comparing(config: Config, compare: bool) -> Config:
    process = config.retraining.retraining_process
    chosen = process.model_selection.model_copy(update={"compare_architectures": compare})
    process = process.model_copy(update={"model_selection": chosen})
    return config.model_copy(update={"retraining": config.retraining.model_copy(update={"retraining_process": process})})


@pytest.mark.parametrize(
    ("compare", "live", "fitted"), [(True, True, ()), (False, True, ("tabular",)), (False, False, ()), (True, False, ())]
)
def test_only_the_live_family_is_fitted_again_unless_architectures_are_compared(
    tmp_path: Path, compare: bool, live: bool, fitted: tuple[str, ...]
) -> None:
    registry = Registry(version(), {"champion": "3"} if live else {})
    with standing(tmp_path, Orchestrator(), registry) as context:
        asked = FlowContext(comparing(context.config, compare), context.home, context.stores)
        assert families_of(asked, MODEL) == fitted
