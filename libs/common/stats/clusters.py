"""Intervals where rows come in groups: mails of one thread or campaign are right or wrong together, so groups are resampled.

The cluster bootstrap (Davison & Hinkley 1997, 3.8). Percentile intervals at 95 %; statistics are those of `stats.metrics`.
"""

from collections.abc import Callable

import numpy as np

from libs.common.stats.metrics import Counts, Floats, Interval, Statistic

_ROUNDS = 2000
# So many resamplings of 10 000 kinds of groups take 16 MB at a time.
_AT_ONCE = 200


def bootstrap_groups(
    truth: Counts, predicted: Counts, classes: int, statistic: Statistic, seed: int, groups: Counts
) -> Interval:
    """The statistic of answers to rows, with its interval over resampled groups; ``groups`` (n,) holds each row's number."""
    if not len(truth):
        return Interval(0.0, 0.0, 1.0)
    cells = _cells_by_group(truth, predicted, classes, groups)
    return _interval(lambda drawn: statistic(_tables(drawn, classes)), cells, seed)


def paired_gain(
    truth: Counts,
    base: Counts,
    other: Counts,
    classes: int,
    statistic: Statistic,
    seed: int,
    groups: Counts | None = None,
) -> Interval:
    """How much better ``other`` answers than ``base`` on the same rows; both are resampled together, by group or by row."""
    if not len(truth):
        return Interval(0.0, -1.0, 1.0)
    among = np.arange(len(truth)) if groups is None else groups
    cells = np.hstack([_cells_by_group(truth, answers, classes, among) for answers in (base, other)])

    def gain(drawn: Floats) -> Floats:
        first, second = (_tables(each, classes) for each in np.split(drawn, 2, axis=-1))
        return statistic(second) - statistic(first)

    return _interval(gain, cells, seed)


def _cells_by_group(truth: Counts, predicted: Counts, classes: int, groups: Counts) -> Floats:
    """(g, classes²): the confusion matrix of each group, flat."""
    _, place = np.unique(groups, return_inverse=True)
    cells = np.zeros((int(place.max()) + 1, classes * classes))
    np.add.at(cells, (place, truth * classes + predicted), 1)
    return cells


def _interval(statistic: Callable[[Floats], Floats], cells: Floats, seed: int) -> Interval:
    """Of a statistic of summed cells (…, m), over groups with the cells (g, m)."""
    # Groups with the same cells are drawn together, which is the same draw: single mails are of few kinds.
    kinds, counts = np.unique(cells, axis=0, return_counts=True)
    generator, share = np.random.default_rng(seed), counts / len(cells)
    drawn = [
        statistic(generator.multinomial(len(cells), share, size=min(_AT_ONCE, _ROUNDS - done)) @ kinds)
        for done in range(0, _ROUNDS, _AT_ONCE)
    ]
    low, high = np.quantile(np.concatenate(drawn), [0.025, 0.975])
    return Interval(float(statistic(cells.sum(axis=0))), float(low), float(high))


def _tables(cells: Floats, classes: int) -> Counts:
    return np.rint(cells).astype(np.int64).reshape(*cells.shape[:-1], classes, classes)
