"""How a family does on other cuts of the rows, beside the figure of the holdout: its folds, and the latest mail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.split import HOLDOUT_FOLD, SplitRow, split_rows, thread_groups
from apps.training.evaluation.select import Selection
from apps.training.fitting.examples import Examples
from apps.training.fitting.out_of_fold import OutOfFold
from libs.common.models.base import Classifier
from libs.common.stats import metrics

Fit = Callable[[Examples], Classifier]

_LATEST_SHARE = 0.2
_FOLDS = 5
# Of fewer rows, accuracy is known to ±14 points at best.
_FEWEST = 50


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why there is no figure."""

    why: str


@dataclass(frozen=True, slots=True)
class TimeOrdered:
    """Fitted on older mail and judged on the latest, over the classes that both periods have.

    ``until`` is the date of the youngest mail learned from; ``lacking`` are classes that the later period has no mail of,
    ``unknown`` those that the earlier one never had.
    """

    until: datetime | None
    count: int
    accuracy: metrics.Interval
    macro_f1: metrics.Interval
    lacking: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refits:
    """The figures beside that of the holdout.

    ``fold`` has one entry an e-mail of the fold that was set aside: whether its answer is right. ``selection`` is how all
    families that were asked for compared on such folds.
    """

    fold: NDArray[np.bool_] | Unmeasured
    latest: TimeOrdered | Unmeasured
    selection: Selection | Unmeasured


def fold_of(aside: OutOfFold) -> NDArray[np.bool_] | Unmeasured:
    """Whether each answer to the fold aside is right."""
    return aside.right if len(aside.rows) else Unmeasured("no fold could be set aside, a label would have been unknown")


def judge_latest(fit: Fit, train: Examples, holdout: Examples, order: str, seed: int) -> TimeOrdered | Unmeasured:
    """Train and holdout together, the threads that ended last judged by what all the others teach.

    ``order`` is how the dataset chose its holdout: by ``time``, the figure is there already.
    """
    if order == "time":
        return Unmeasured("the holdout itself is the latest mail of the dataset")
    rows = _by_time(train, holdout, seed)
    later, earlier = (rows.take(np.flatnonzero((np.array(rows.folds) == HOLDOUT_FOLD) == held)) for held in (True, False))
    shared = set(later.labels) & set(earlier.labels)
    judged = later.take([row for row, label in enumerate(later.labels) if label in shared])
    if len(judged) < _FEWEST:
        dated = sum(email.sent_at is not None for email in rows.emails)
        return Unmeasured(
            f"{dated} of {len(rows)} e-mails have a date; {len(judged)} later ones of known classes are too few to judge by"
        )
    if len(shared) < 2:
        return Unmeasured(f"the two periods share one class only, {next(iter(shared))}")
    return _time_ordered(fit(earlier), earlier, later, judged, seed)


def _time_ordered(classifier: Classifier, earlier: Examples, later: Examples, judged: Examples, seed: int) -> TimeOrdered:
    answers = classifier.predict(judged.emails).argmax(axis=1).astype(np.int64)
    counts = metrics.confusion(judged.numbers(classifier.labels), answers, len(classifier.labels))
    return TimeOrdered(
        until=max((email.sent_at for email in earlier.emails if email.sent_at), default=None),
        count=len(judged),
        accuracy=metrics.bootstrap(counts, metrics.accuracy, seed),
        macro_f1=metrics.bootstrap(counts, metrics.macro_f1, seed),
        lacking=tuple(sorted(set(earlier.labels) - set(later.labels))),
        unknown=tuple(sorted(set(later.labels) - set(earlier.labels))),
    )


def _by_time(train: Examples, holdout: Examples, seed: int) -> Examples:
    """All rows, in the folds that a split by time gives them."""
    emails, labels = train.emails + holdout.emails, train.labels + holdout.labels
    keys = [f"{row:09d}" for row in range(len(emails))]
    names = ([name for name in (email.message_id, email.thread_id) if name] for email in emails)
    threads = thread_groups(zip(keys, names, strict=True))
    columns = zip(keys, labels, emails, strict=True)
    rows = [SplitRow(key, label, threads[key], email.sent_at) for key, label, email in columns]
    parts = split_rows(rows, _LATEST_SHARE, _FOLDS, seed, "time")
    return Examples(emails, labels, tuple(parts[key].fold for key in keys))
