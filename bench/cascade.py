"""What int8 and the cascade save and what they cost on real mail: quality over parts of the corpus, and speed on this machine.

    python bench/cascade.py [--parts 6] [--models FOLDER]    # fits what FOLDER does not hold yet, then measures

The corpus is built and split as the product does it, threads and campaigns kept together: its holdout and its five folds are
the parts. Each part is judged by what all the others teach; every fit sets one of these aside, and by that int8 is accepted and
the cascade's threshold chosen. Fitting a transformer takes some ten minutes on two quiet cores; what FOLDER holds is not fitted
again, so that speed can be measured later. Figures are pooled over the parts. Intervals of quality are at 95 %, over resampled
threads and campaigns; of speed, the extremes over the repetitions.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from apps.training.evaluation.groups import kin
from apps.training.fitting.examples import Examples
from bench.models import ARMS, HOLDOUT, built_examples, fit_arms
from bench.recording import REPO, Figure, record
from libs.common.domain.triage import Email
from libs.common.models.artifact import load_classifier
from libs.common.models.base import Classifier
from libs.common.models.cascade import CascadeClassifier
from libs.common.stats.clusters import bootstrap_groups, paired_gain
from libs.common.stats.intervals import wilson_interval
from libs.common.stats.metrics import Interval, accuracy, macro_f1
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_STATISTICS = {"accuracy": accuracy, "macro_f1": macro_f1}
_MOST_FLIPS, _MOST_LOSS, _MOST_ESCALATED = 0.005, 0.005, 0.15
_TIMED, _BATCH, _REPEAT = 320, 32, 5

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What each arm answers to the rows of some parts, class numbers (n,), and which of them the cascade escalates."""

    emails: tuple[Email, ...]
    truth: Numbers
    given: dict[str, Numbers]
    escalated: NDArray[np.bool_]


def main() -> int:
    """Fit what is missing, judge every part, time what answers to the holdout, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    parser.add_argument("--parts", type=int, choices=range(1, 7), default=6, help="how many are judged, the holdout first")
    parser.add_argument("--models", type=Path, help="where the fitted classifiers lie, or are to lie (default: kept nowhere)")
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    if not chosen.corpus.is_file():
        parser.error(f"write a --corpus that exists: {chosen.corpus}")
    import ray

    start_ray(cpus=2)
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        models = chosen.models or Path(scratch)
        whole = built_examples(str(chosen.corpus), "spamassassin")
        parts = [_judged(whole, HOLDOUT - place, models, chosen.threads) for place in range(chosen.parts)]
        ray.shutdown()
        answers, classes = _pooled(parts), len(whole.classes)
        arms = _load(models / f"{HOLDOUT}", chosen.threads)
        timed = {arm: _speeds(one, answers.emails[:_TIMED]) for arm, one in arms.items()}
    print(record("cascade", {**_quality(answers, classes), **_compared(answers, classes), **_speed(timed)}))
    return 0


def _judged(whole: Examples, part: int, models: Path, threads: int) -> Answers:
    inside = np.array(whole.folds) == part
    judged = whole.take(np.flatnonzero(inside))
    folder = models / f"{part}"
    if not folder.exists():
        fit_arms(whole.take(np.flatnonzero(~inside)), folder)
    arms = _load(folder, threads)
    cascade = arms["cascade"]
    assert isinstance(cascade, CascadeClassifier)
    given = {arm: one.predict(judged.emails).argmax(axis=1).astype(np.int64) for arm, one in arms.items()}
    return Answers(judged.emails, judged.numbers(whole.classes), given, cascade.escalated(judged.emails))


def _load(folder: Path, threads: int) -> dict[str, Classifier]:
    return {arm: load_classifier(folder / arm, threads=threads) for arm in ARMS}


def _pooled(parts: Sequence[Answers]) -> Answers:
    return Answers(
        tuple(email for part in parts for email in part.emails),
        np.concatenate([part.truth for part in parts]),
        {arm: np.concatenate([part.given[arm] for part in parts]) for arm in ARMS},
        np.concatenate([part.escalated for part in parts]),
    )


def _quality(answers: Answers, classes: int) -> dict[str, Figure]:
    groups = kin(answers.emails)
    return {
        f"{arm}_{name}": _spanned(bootstrap_groups(answers.truth, given, classes, statistic, 0, groups))
        for arm, given in answers.given.items()
        for name, statistic in _STATISTICS.items()
    }


def _compared(answers: Answers, classes: int) -> dict[str, Figure]:
    """int8 against fp32, and the cascade against each family alone; all on the same rows."""
    groups, given = kin(answers.emails), answers.given

    def gain(other: str, base: str, name: str, least: float) -> Figure:
        found = paired_gain(answers.truth, given[base], given[other], classes, _STATISTICS[name], 0, groups)
        return replace(_spanned(found), baseline=base, goal=f">= {least} within chance", holds=found.high >= least)

    flips, escalated = _share(given["int8"] != given["fp32"]), _share(answers.escalated)
    return {
        "rows": Figure(len(answers.truth), "e-mails"),
        "int8_flips": replace(_spanned(flips), baseline="fp32", goal=f"<= {_MOST_FLIPS}", holds=flips.value <= _MOST_FLIPS),
        "int8_macro_f1_gain": gain("int8", "fp32", "macro_f1", -_MOST_LOSS),
        **{f"cascade_{name}_gain_on_{base}": gain("cascade", base, name, 0.0) for base in ARMS[:3] for name in _STATISTICS},
        "cascade_escalated": replace(
            _spanned(escalated), goal=f"<= {_MOST_ESCALATED}", holds=escalated.value <= _MOST_ESCALATED
        ),
    }


def _share(held: NDArray[np.bool_]) -> Interval:
    bounds = wilson_interval(int(held.sum()), len(held))
    return Interval(float(held.mean()), bounds.low, bounds.high)


def _spanned(found: Interval) -> Figure:
    value, low, high = (round(bound, 4) for bound in (found.value, found.low, found.high))
    return Figure(value, "share", low, high)


def _speeds(classifier: Classifier, emails: Sequence[Email]) -> list[float]:
    """e-mails/s in batches of 32, over and over."""
    found: list[float] = []
    for _ in range(_REPEAT):
        start = time.perf_counter()
        for first in range(0, len(emails), _BATCH):
            classifier.predict(emails[first : first + _BATCH])
        found.append(len(emails) / (time.perf_counter() - start))
    return found


def _speed(timed: dict[str, list[float]]) -> dict[str, Figure]:
    figures = {
        f"{arm}_speed": Figure(round(median(found), 1), "e-mails/s", round(min(found), 1), round(max(found), 1))
        for arm, found in timed.items()
    }
    ratio = {arm: round(median(timed[arm]) / median(timed["fp32"]), 2) for arm in ("int8", "cascade")}
    return figures | {f"{arm}_to_fp32": Figure(value, "ratio", baseline="fp32") for arm, value in ratio.items()}


if __name__ == "__main__":
    sys.exit(main())
