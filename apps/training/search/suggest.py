"""The next options to try, and which options mattered: Optuna over the trials so far, rebuilt from them each time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from apps.training.search.trials import Course, State, Trial
from libs.common.config.section import Section
from libs.common.config.spaces import Candidates, Space
from libs.common.domain.search import Options

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_SCORE = "macro-F1"


def configured_options(space: Space, section: Section) -> Options:
    """The values that the configuration has for the options of a space: the first trial."""
    return {name: getattr(section, name) for name in space}


def suggest(space: Space, section: Section, trials: Sequence[Trial], course: Course, seed: int) -> Options:
    """The options of the trial after ``trials``, by TPE; a function of its arguments.

    It learns from the generations before. Of its own generation it knows the options only, as of trials that are running
    (constant liar), whether or not they are.
    """
    number = len(trials)
    if number == 0:
        return configured_options(space, section)
    ended = {trial.number for trial in course.earlier(trials, number)}
    study = _study(space, section, trials, course, ended, int(np.random.SeedSequence([seed, number]).generate_state(1)[0]))
    return cast(Options, study.ask(fixed_distributions=_distributions(space, section)).params)


def importance_of(space: Space, section: Section, trials: Sequence[Trial], course: Course) -> dict[str, float]:
    """How much each option decides whether a trial is among the best tenth (PED-ANOVA), the greatest first; adds up to 1.

    Empty below 20 complete trials: the best tenth must be two or more.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    complete = [trial for trial in trials if course.state(trial, trials) is State.COMPLETE]
    if len(complete) < 20 or len({trial.mean() for trial in complete}) == 1:
        return {}
    study = _study(space, section, trials, course, {trial.number for trial in trials}, 0)
    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _study(space: Space, section: Section, trials: Sequence[Trial], course: Course, ended: set[int], seed: int) -> "Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    distributions = _distributions(space, section)
    for trial in trials:
        state = course.state(trial, trials) if trial.number in ended else State.OPEN
        study.add_trial(_frozen(trial, state, distributions))
    return study


def _frozen(trial: Trial, state: State, distributions: Mapping[str, "BaseDistribution"]) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    states = {
        State.OPEN: TrialState.RUNNING,
        State.COMPLETE: TrialState.COMPLETE,
        State.STOPPED: TrialState.PRUNED,
        State.FAILED: TrialState.FAIL,
    }
    judged = state in (State.COMPLETE, State.STOPPED)
    return create_trial(
        state=states[state],
        value=trial.mean() if judged else None,
        params=dict(trial.options),
        distributions=dict(distributions),
        intermediate_values={fold: trial.mean(fold) for fold in range(1, len(trial.scores) + 1)} if judged else {},
    )


def _distributions(space: Space, section: Section) -> dict[str, "BaseDistribution"]:
    return {
        name: _distribution(candidates, whole=isinstance(getattr(section, name), int)) for name, candidates in space.items()
    }


def _distribution(candidates: Candidates, whole: bool) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if candidates.bounds is None:
        return CategoricalDistribution(candidates.choices)
    low, high = candidates.bounds
    if whole:
        return IntDistribution(int(low), int(high), log=candidates.log)
    return FloatDistribution(low, high, log=candidates.log)
