"""How each family of classifier is fitted, and with which options."""

from collections.abc import Callable, Sequence
from pathlib import Path

from apps.training.evaluation.select import SIMPLEST_FIRST
from apps.training.fitting.examples import Examples
from apps.training.fitting.out_of_fold import Fitted
from apps.training.fitting.run_folders import RunFolders
from libs.common.config.training import Training, with_options
from libs.common.errors import ModelError
from libs.common.logs import get_logger
from libs.common.models.base import Classifier
from libs.common.stores.registry import ModelRegistry

log = get_logger("training.fitters")

Fitter = Callable[[Examples, int, Path], Fitted[Classifier]]


def with_found(settings: Training, model_name: str, families: Sequence[str], registry: ModelRegistry) -> Training:
    """The settings, with the options that the newest search of each family found; ModelError where a family has none."""
    for family in families:
        found = registry.search_runs.newest(model_name, family)
        if found is None:
            raise ModelError(
                f"no search for options of '{family}' has ended yet", f"triage tune {model_name} --family {family}"
            )
        log.info("%s with the options of search %s on %s: %s", family, found.key, found.dataset, found.options)
        settings = with_options(settings, family, found.options)
    return settings


def fitter(family: str, settings: Training, runs: RunFolders | None = None) -> Fitter:
    """How ``family`` is fitted: a function of examples, seed and an empty folder; ModelError where there is none such.

    With ``runs``, fine-tuning goes on where a killed one was.
    """
    if family == "tabular":
        from apps.training.fitting.fit_tabular import fit_tabular

        return lambda examples, seed, workspace: fit_tabular(examples, settings.families.tabular, seed)
    if family == "transformer":
        from apps.training.fitting.fit_transformer import fit_transformer

        options = settings.families.transformer
        return lambda examples, seed, workspace: fit_transformer(examples, options, seed, workspace, runs=runs)
    if family == "cascade":
        from apps.training.fitting.fit_cascade import fit_cascade

        return lambda examples, seed, workspace: fit_cascade(examples, settings.families, seed, workspace, runs=runs)
    if family == "hybrid":
        from apps.training.fitting.fit_hybrid import fit_hybrid

        return lambda examples, seed, workspace: fit_hybrid(examples, settings.families, seed, workspace)
    if family == "boosted":
        from apps.training.fitting.fit_boosted import fit_boosted

        return lambda examples, seed, workspace: fit_boosted(examples, settings.families.boosted, seed, workspace)
    raise ModelError(f"there is no model family '{family}'", f"write one of {', '.join(SIMPLEST_FIRST)}")
