"""How a figure is judged against what was to be reached."""

from collections.abc import Sequence

from bench.recording import Figure, spread


def at_least(ratios: Sequence[float], least: float, baseline: str) -> Figure:
    """The median of the product's ratios to ``baseline``, which was to be ``least`` or more."""
    figure = spread(ratios, "ratio", 2, baseline=baseline, goal=f">= {least}")
    return figure.judged(figure.value >= least)


def at_most(ratios: Sequence[float], most: float, baseline: str) -> Figure:
    """The median of the product's ratios to ``baseline``, which was to be ``most`` or less."""
    figure = spread(ratios, "ratio", 2, baseline=baseline, goal=f"<= {most}")
    return figure.judged(figure.value <= most)


def below(found: float, most: float, unit: str) -> Figure:
    """One value that was to stay below ``most``."""
    return Figure(round(found, 2), unit, goal=f"< {most:g}", holds=found < most)


def none_of(count: int, unit: str) -> Figure:
    """A count of what was not to happen at all."""
    return Figure(count, unit, goal="0", holds=count == 0)
