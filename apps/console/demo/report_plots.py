"""The four plots of the report over one time axis, as SVG that takes its ink from the page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apps.console.demo.account import Account, Chapter
from apps.console.demo.windows import Stretch, stretches
from libs.common.pages import COLOURS, FAINT, INK, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Versions differ in their marks as well as in their colours.
MARKS = ("o", "s", "^", "D", "v", "P")
_STRETCHES = 70


def draw(account: Account, chapters: Sequence[Chapter]) -> str:
    """One ``<svg>`` of accuracy, drift score, traffic and latency, with a numbered line for each chapter."""

    def paint(figure: "Figure") -> None:
        axes = figure.subplots(5, 1, sharex=True, height_ratios=(6, 1, 4, 4, 4))
        cut = stretches(account.requests, _STRETCHES)
        for axis, plot in zip(axes, (_accuracy, _answers, _drift, _traffic, _latency), strict=True):
            plot(axis, account, cut)
            axis.grid(alpha=0.25, color=FAINT)
            axis.spines[["top", "right"]].set_visible(False)
        axes[-1].set_xlabel("seconds since the demo began")
        _mark(axes, account, chapters)

    return drawing("accuracy, drift, traffic and latency over time", (11, 11.5), paint)


def _colours(account: Account) -> dict[str, tuple[str, str]]:
    """Colour and mark of each version that answered, in the order of the versions."""
    versions = sorted({*account.counts.by_version} - {""}, key=lambda version: (len(version), version))
    return {version: (COLOURS[n % len(COLOURS)], MARKS[n % len(MARKS)]) for n, version in enumerate(versions)}


def _middle(account: Account, part: Stretch) -> float:
    return (part.start + part.end) / 2 - account.chronicle.began.timestamp()


def _accuracy(axis: "Axes", account: Account, cut: Sequence[Stretch]) -> None:
    for version, (colour, mark) in _colours(account).items():
        points = [(_middle(account, part), part.accuracy(version)) for part in cut]
        points = [(at, share) for at, share in points if share.count >= 5]
        if points:
            times, shares = zip(*points, strict=True)
            values = [share.value for share in shares]
            below = [share.value - share.interval.low for share in shares]
            above = [share.interval.high - share.value for share in shares]
            style: dict[str, Any] = {"color": colour, "fmt": mark, "ms": 5, "elinewidth": 1, "alpha": 0.9}
            axis.errorbar(times, values, (below, above), label=f"version {version}, as callers know it", **style)
    _measured(axis, account)
    axis.axhline(account.limits.accuracy, ls=":", color=INK, label=f"alert below {account.limits.accuracy:g}")
    axis.set(ylabel="live accuracy", ylim=(0, 1.02))
    axis.legend(loc="lower left", frameon=False, fontsize=9, ncols=2)


def _measured(axis: "Axes", account: Account) -> None:
    """What monitoring made of the feedback it got: a line and its interval."""
    found = [each for each in account.measurements if each.metric == "accuracy" and each.value is not None]
    if found:
        times = [account.chronicle.seconds(each.end) for each in found]
        values = [each.value or 0.0 for each in found]
        axis.plot(times, values, color=INK, lw=1.4, label="as monitored, from feedback")
        lows, highs = [each.low or 0.0 for each in found], [1.0 if each.high is None else each.high for each in found]
        axis.fill_between(times, lows, highs, color=INK, alpha=0.12, lw=0)


def _answers(axis: "Axes", account: Account, cut: Sequence[Stretch]) -> None:
    """What the points above rest on: the demo knows the right label of every e-mail it sends."""
    width = 0.9 * (cut[0].end - cut[0].start) if cut else 1.0
    axis.bar([_middle(account, part) for part in cut], [len(part.answered) for part in cut], width, color=INK, alpha=0.3)
    axis.set_ylabel("labelled\nanswers", fontsize=8)


def _drift(axis: "Axes", account: Account, cut: Sequence[Stretch]) -> None:
    found = [each for each in account.measurements if each.metric == "drift_score" and each.value is not None]
    times = [account.chronicle.seconds(each.end) for each in found]
    axis.plot(times, [each.value or 0.0 for each in found], color=COLOURS[5], marker="o", ms=4)
    axis.axhline(account.limits.drift_alert, ls=":", color=INK)
    axis.axhline(account.limits.drift_retrain, ls="--", color=INK)
    place: dict[str, Any] = {"transform": axis.get_yaxis_transform(), "fontsize": 8.5, "va": "bottom"}
    axis.text(0.002, account.limits.drift_alert, f"alert above {account.limits.drift_alert:g}", **place)
    axis.text(0.002, account.limits.drift_retrain, f"retrain from {account.limits.drift_retrain:g}", **place)
    axis.set(ylabel="drift score (KS)")
    axis.set_ylim(bottom=0)


def _traffic(axis: "Axes", account: Account, cut: Sequence[Stretch]) -> None:
    versions = _colours(account)
    times = [_middle(account, part) for part in cut]
    shares = [[100 * part.traffic().get(version, 0.0) for part in cut] for version in versions]
    if times and shares:
        colours = [colour for colour, _ in versions.values()]
        axis.stackplot(
            times, shares, labels=[f"version {version}" for version in versions], colors=colours, alpha=0.75, step="mid"
        )
        axis.legend(loc="center left", frameon=True, framealpha=0.75, labelcolor="#111111", facecolor="#ffffff", fontsize=9)
    axis.set(ylabel="answers (%)", ylim=(0, 100))


def _latency(axis: "Axes", account: Account, cut: Sequence[Stretch]) -> None:
    times = [_middle(account, part) for part in cut]
    axis.plot(times, [part.latency_ms(0.5) for part in cut], color=COLOURS[0], label="p50")
    axis.plot(times, [part.latency_ms(0.95) for part in cut], color=COLOURS[1], ls="--", label="p95")
    failed = [(_middle(account, part), part.failed) for part in cut if part.failed]
    if failed:
        axis.scatter(*zip(*failed, strict=True), marker="x", color=COLOURS[5], label="failed requests")
    axis.axhline(account.limits.latency_ms, ls=":", color=INK, label=f"alert above {account.limits.latency_ms:g} ms")
    axis.set(ylabel="latency (ms)", yscale="log")
    axis.set_ylim(top=6 * axis.get_ylim()[1])  # room for the legend
    axis.legend(loc="upper left", frameon=False, fontsize=9, ncols=4)


def _mark(axes: "Sequence[Axes]", account: Account, chapters: Sequence[Chapter]) -> None:
    """A line through all plots for each chapter; its number and title stand above, pushed apart where they would touch."""
    times = [account.chronicle.seconds(chapter.moment.at) for chapter in chapters]
    left, right = axes[0].get_xlim()
    left, right = min([left, *times]), max([right, *times])
    axes[0].set_xlim(left, right)
    places = _apart([(time - left) / ((right - left) or 1.0) for time in times], 0.026)
    for chapter, time, place in zip(chapters, times, places, strict=True):
        for axis in axes:
            axis.axvline(time, color=FAINT, lw=0.9, alpha=0.8)
        axes[0].annotate(
            f"{chapter.number} {chapter.moment.title}",
            xy=(time, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(place, 1.06),
            textcoords="axes fraction",
            rotation=36,
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": FAINT, "lw": 0.9, "shrinkA": 0, "shrinkB": 0},
        )


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """The places (ascending, 0…1) moved to the right until each is ``gap`` from the one before."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved
