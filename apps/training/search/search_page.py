"""The page of a search: the objective trial by trial, how much each option mattered, and every trial with its options."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from apps.training.search.trials import Course, State, Trial, best_of
from libs.common.domain.search import TunedOptions
from libs.common.pages import COLOURS, FAINT, drawing, page, section

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAGE = "search.html"
_SIGNS = {State.COMPLETE: ("o", COLOURS[0]), State.STOPPED: ("x", COLOURS[1])}


def search_page(selection: TunedOptions, trials: Sequence[Trial], course: Course) -> str:
    """A whole page, as it is logged beside the selection."""
    states = {trial.number: course.state(trial, trials) for trial in trials}
    parts = [
        f'<p class="verdict">{escape(str(selection))}</p>',
        "\n<h2>Trial by trial</h2>",
        history_drawing(trials, states, course),
        "\n<h2>What mattered</h2>",
        importance_drawing(selection.importance)
        if selection.importance
        else "<p>Too few trials were judged on every fold.</p>",
        _table(trials, states, selection),
    ]
    return page(f"Search for options of {selection.family}", parts)


def history_drawing(trials: Sequence[Trial], states: Mapping[int, State], course: Course) -> str:
    """The objective of each trial, over the folds it was judged on, and the best so far."""

    def paint(figure: "Figure") -> None:
        axis = figure.subplots()
        for state, (marker, colour) in _SIGNS.items():
            shown = [trial for trial in trials if states[trial.number] is state]
            axis.scatter(
                [one.number for one in shown], [one.mean() for one in shown], marker=marker, color=colour, label=str(state)
            )
        leaders = [(trial.number, best.mean()) for trial, best in _leaders(trials, course)]
        axis.plot(*zip(*leaders, strict=True), color=COLOURS[2], drawstyle="steps-post", label="best so far")
        axis.set(xlabel="trial", ylabel="mean macro-F1")
        axis.legend(frameon=False)
        _clear(axis)

    return drawing("macro-F1 of each trial, and the best so far", (11, 4), paint)


def importance_drawing(importance: Mapping[str, float]) -> str:
    """One bar an option, the greatest on top."""

    def paint(figure: "Figure") -> None:
        axis = figure.subplots()
        names = list(importance)[::-1]
        axis.barh(names, [importance[name] for name in names], color=COLOURS[0])
        axis.set(xlabel="share of what decides whether a trial is among the best tenth")
        _clear(axis)

    return drawing("importance of each option", (11, 0.9 + 0.4 * len(importance)), paint)


def _leaders(trials: Sequence[Trial], course: Course) -> Iterator[tuple[Trial, Trial]]:
    for place, trial in enumerate(trials):
        if best := best_of(trials[: place + 1], course):
            yield trial, best


def _clear(axis: "Axes") -> None:
    axis.grid(alpha=0.25, color=FAINT)
    axis.spines[["top", "right"]].set_visible(False)


def _table(trials: Sequence[Trial], states: Mapping[int, State], selection: TunedOptions) -> str:
    columns = ("trial", *map(escape, selection.options), "ended", "folds", "mean macro-F1")
    rows = (
        (
            str(trial.number),
            *(
                escape(f"{trial.options[name]:.4g}" if isinstance(trial.options[name], float) else str(trial.options[name]))
                for name in selection.options
            ),
            escape(trial.failed or states[trial.number]),
            str(len(trial.scores)),
            f"{trial.mean():.4f}" if trial.scores else "",
        )
        for trial in trials
    )
    return section("Every trial", columns, rows)
