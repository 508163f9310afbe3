"""How good each family is on real mail, by the product's own recipe, split, fits and selection, and what it costs.

Three ways to hold out a fifth of the SpamAssassin task: `threads` as the product does by default (threads and near-duplicate
campaigns stay together), `time` (the newest threads), `random` (row by row, which lets a reply and what it quotes, or two
copies of a campaign, stand on both sides). Without --way, every family is held out by `threads`, and the tabular one, which is
fitted in a minute, in all three. The selection is by folds of the training rows of `threads`. Intervals are 95 %, over
resampled threads and campaigns. E-mails/s are those of the artifact in one process with one thread. Calibration is compared by
cross-fitting on the answers out of fold: one temperature against isotonic regression class by class.
What was measured is written down after each fit, here and as a table in docs/training.md.

python bench/quality.py [--corpus FILE] [--family F ...] [--way W ...]; some 20 minutes on two cores
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from apps.training.datasets.build import BuildRequest, drafted
from apps.training.evaluation.evaluate import BATCH, Evaluation, evaluate
from apps.training.evaluation.footprint import Footprint, footprint
from apps.training.evaluation.groups import kin
from apps.training.evaluation.select import SIMPLEST_FIRST, Selection, select
from apps.training.fitters import fitter
from apps.training.fitting.examples import Examples, read_examples
from apps.training.fitting.out_of_fold import OutOfFold
from apps.training.provenance import Stamp, code_commit
from bench.recording import REPO, Figure, record
from libs.common.config.loader import load_config
from libs.common.domain.dataset import Split
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.stats import metrics
from libs.common.stats.calibration import brier_score, calibration_error, fit_temperature, softmax
from libs.common.stats.clusters import bootstrap_groups
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_PAGE, _BEGIN, _END = REPO / "docs" / "training.md", "<!-- bench/quality.py -->\n", "<!-- /bench/quality.py -->\n"
_WAYS, _IN_EVERY_WAY = ("threads", "time", "random"), ("tabular",)
_GOALS = {"accuracy": 0.965, "macro_f1": 0.94, "spam_f1": 0.985}
_MOST_ECE = 0.02
_FLOOR = "TF-IDF + logistic regression, 5 random folds: 0.953 accuracy, 0.916 macro-F1, 0.974 spam F1"
_SPEED_OF, _ROUNDS, _PARTS = 400, 1000, 5

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Parts = tuple[Examples, Examples]


@dataclass(frozen=True)
class _Measured:
    aside: OutOfFold
    evaluation: Evaluation
    groups: Numbers
    aside_groups: Numbers
    training_s: float
    emails_per_s: float
    footprint: Footprint


def main() -> int:
    """Measure every family in every way, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    # What takes longest comes last.
    families = sorted(SIMPLEST_FIRST, key=lambda family: family == "transformer")
    parser.add_argument("--family", nargs="+", choices=families, default=families)
    parser.add_argument("--way", nargs="+", choices=_WAYS, help="how rows are held out")
    chosen = parser.parse_args()
    if not chosen.corpus.is_file():
        parser.error(f"write a --corpus that exists: {chosen.corpus}")
    import ray

    start_ray()
    ways = _held_out(chosen.corpus, chosen.way or _WAYS)
    found: dict[str, dict[str, _Measured]] = {}
    for family in chosen.family:
        found[family] = {}
        for way in ways if chosen.way or family in _IN_EVERY_WAY else _WAYS[:1]:
            found[family][way] = _measure(family, ways[way])
            print(f"{family} {way}: {found[family][way].evaluation.figures.accuracy:.3f}", file=sys.stderr, flush=True)
            selection = _selected(found)
            figures = _figures(found, selection)
            print(record("quality", figures), flush=True)
            _write_table(_table(list(found), figures, selection))
    ray.shutdown()
    return 0


def _held_out(corpus: Path, wanted: Sequence[str]) -> dict[str, Parts]:
    """Training rows and holdout of each way, `threads` first."""
    orders = {"time" if way == "time" else "random" for way in wanted}
    built = {order: _built(corpus, order) for order in sorted(orders)}
    ways = {way: built["time" if way == "time" else "random"] for way in _WAYS if way in wanted}
    return {way: _shuffled(*parts) if way == "random" else parts for way, parts in ways.items()}


def _built(corpus: Path, order: str) -> Parts:
    request = BuildRequest(name="quality", sources=(str(corpus),), recipe="spamassassin", order=order)
    with drafted(request, Stamp(datetime.now(UTC), code_commit(), ""), None) as (folder, _):
        return read_examples(folder, Split.TRAIN), read_examples(folder, Split.HOLDOUT)


def _shuffled(train: Examples, holdout: Examples) -> Parts:
    """The same rows, a random fifth of each class held out, the others in five random folds."""
    emails, labels = train.emails + holdout.emails, train.labels + holdout.labels
    whole = Examples(emails, labels, (0,) * len(emails), train.origins + holdout.origins)
    order = np.random.default_rng(0).permutation(len(whole))
    place = np.empty(len(whole), dtype=np.int64)
    place[order[np.argsort(whole.numbers(whole.classes)[order], kind="stable")]] = np.arange(len(whole))
    folded = replace(whole, folds=tuple((place // 5 % 5).tolist()))
    return folded.take(np.flatnonzero(place % 5 != 0)), folded.take(np.flatnonzero(place % 5 == 0))


def _measure(family: str, parts: Parts) -> _Measured:
    train, holdout = parts
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        began = time.monotonic()
        fitted = fitter(family, load_config("local").training)(train, 0, Path(scratch))
        training_s = time.monotonic() - began
        digest = write_artifact(Path(scratch) / "model", fitted.classifier, {})
        served = load_classifier(Path(scratch) / "model", digest, threads=1)
        evaluation = evaluate(served, holdout, seed=0)
        began = time.monotonic()
        served.predict(holdout.emails[:_SPEED_OF])
        emails_per_s = len(holdout.emails[:_SPEED_OF]) / (time.monotonic() - began)
        taken = footprint(served, holdout.emails[:BATCH])
    groups, aside_groups = kin(holdout.emails), kin(train.take(fitted.aside.rows).emails)
    return _Measured(fitted.aside, evaluation, groups, aside_groups, training_s, emails_per_s, taken)


def _selected(found: Mapping[str, Mapping[str, _Measured]]) -> Selection | None:
    judged = {family: measured["threads"] for family, measured in found.items() if "threads" in measured}
    if not judged:
        return None
    groups = next(iter(judged.values())).aside_groups
    return select({family: measured.aside for family, measured in judged.items()}, groups)


def _figures(found: Mapping[str, Mapping[str, _Measured]], selection: Selection | None) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for family, ways in found.items():
        for way, measured in ways.items():
            figures |= {f"{family}_{way}_{name}": figure for name, figure in _quality(measured).items()}
            figures[f"{family}_{way}_training"] = Figure(round(measured.training_s, 1), "s")
    if selection is None:
        return figures
    for one in selection.standings:
        measured = found[one.family]["threads"]
        figures |= {f"{one.family}_{name}": figure for name, figure in _costs(measured)}
        figures |= {f"{one.family}_{name}": figure for name, figure in _calibrations(measured.aside, measured.aside_groups)}
        own = {"accuracy": one.accuracy, "macro_f1": one.macro_f1, "behind": one.behind}
        figures |= {f"{one.family}_out_of_fold_{name}": _spanned(span, "share") for name, span in own.items()}
    chosen = selection.families[0]
    for name, figure in _quality(found[chosen]["threads"]).items():
        if name in _GOALS:
            figures[f"selected_{name}"] = replace(
                figure, baseline=f"{chosen}; {_FLOOR}", goal=f">= {_GOALS[name]}", holds=figure.value >= _GOALS[name]
            )
    ece = figures[f"{chosen}_threads_ece"]
    figures["selected_ece"] = replace(ece, baseline=chosen, goal=f"<= {_MOST_ECE}", holds=ece.value <= _MOST_ECE)
    return figures


def _quality(measured: _Measured) -> dict[str, Figure]:
    evaluation = measured.evaluation
    given = (evaluation.truth, evaluation.predicted, len(evaluation.classes))
    spam = evaluation.classes.index("spam")
    statistics: dict[str, metrics.Statistic] = {
        "accuracy": metrics.accuracy,
        "macro_f1": metrics.macro_f1,
        "spam_f1": lambda counts: metrics.f1_by_class(counts)[..., spam],
    }
    spans = {name: bootstrap_groups(*given, statistic, 0, measured.groups) for name, statistic in statistics.items()}
    spans["ece"] = _resampled(evaluation.probabilities, evaluation.truth, measured.groups, calibration_error)
    spans["brier"] = _resampled(evaluation.probabilities, evaluation.truth, measured.groups, brier_score)
    return {name: _spanned(span, "score" if name == "brier" else "share") for name, span in spans.items()}


def _resampled(
    probabilities: Floats, truth: Numbers, groups: Numbers, statistic: Callable[[Floats, Numbers], float]
) -> metrics.Interval:
    """Its value and percentiles over resampled groups; those of an ECE lie too high, since fewer rows that differ are drawn."""
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    generator = np.random.default_rng(0)
    drawn: list[float] = []
    for _ in range(_ROUNDS):
        rows = np.concatenate([members[place] for place in generator.integers(len(members), size=len(members))])
        drawn.append(statistic(probabilities[rows], truth[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return metrics.Interval(statistic(probabilities, truth), float(low), float(high))


def _costs(measured: _Measured) -> Iterator[tuple[str, Figure]]:
    yield "speed", Figure(round(measured.emails_per_s, 1), "e-mails/s")
    yield "size", Figure(round(measured.footprint.size_bytes / 1e6, 2), "MB")
    yield "memory", Figure(round(measured.footprint.memory_bytes / 1e6, 1), "MB")
    for name, timed in (("alone", measured.evaluation.alone), ("batched", measured.evaluation.batched)):
        yield f"{name}_p50", Figure(round(timed.p50_ms, 2), "ms")
        yield f"{name}_p95", Figure(round(timed.p95_ms, 2), "ms")


def _calibrations(aside: OutOfFold, groups: Numbers) -> Iterator[tuple[str, Figure]]:
    """Each way to calibrate, fitted on four fifths of the groups of the answers and judged on the others, in turns.

    Then what isotonic regression has over one temperature: below zero, it is the better.
    """
    part = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups] % _PARTS
    found = {name: np.zeros_like(aside.logits) for name in _CALIBRATORS}
    for name, calibrate in _CALIBRATORS.items():
        for each in range(_PARTS):
            fit, judge = part != each, part == each
            found[name][judge] = calibrate(aside.logits[fit], aside.truth[fit], aside.logits[judge])
    both = np.concatenate([found["isotonic"], found["temperature"]], axis=1)
    for score, statistic in {"ece": calibration_error, "log_loss": _log_loss}.items():
        for name, probabilities in found.items():
            yield f"{name}_{score}", Figure(round(statistic(probabilities, aside.truth), 4), _UNITS[score])
        gap = _resampled(both, aside.truth, groups, partial(_gap, statistic))
        yield f"isotonic_less_temperature_{score}", _spanned(gap, _UNITS[score])


def _gap(statistic: Callable[[Floats, Numbers], float], both: Floats, truth: Numbers) -> float:
    one, two = np.split(both, 2, axis=1)
    return statistic(one, truth) - statistic(two, truth)


def _log_loss(probabilities: Floats, truth: Numbers) -> float:
    """A probability of 0 counts as 0.001, for isotonic regression gives it."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-3)).mean())


def _uncalibrated(logits: Floats, truth: Numbers, asked: Floats) -> Floats:
    return softmax(asked)


def _temperature(logits: Floats, truth: Numbers, asked: Floats) -> Floats:
    return softmax(asked, fit_temperature(logits, truth))


def _isotonic(logits: Floats, truth: Numbers, asked: Floats) -> Floats:
    """Class by class on the probabilities at the fitted temperature, then normalised (Zadrozny & Elkan 2002)."""
    from sklearn.isotonic import IsotonicRegression

    temperature = fit_temperature(logits, truth)
    known, given = softmax(logits, temperature), softmax(asked, temperature)
    curves = [
        IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(known[:, place], truth == place).predict(given[:, place])
        for place in range(known.shape[1])
    ]
    mended = np.stack(curves, axis=1)
    whole = mended.sum(axis=1, keepdims=True)
    return np.where(whole > 0, mended / np.maximum(whole, 1e-12), given)


_UNITS = {"ece": "share", "log_loss": "nats"}
_CALIBRATORS = {"uncalibrated": _uncalibrated, "temperature": _temperature, "isotonic": _isotonic}


def _spanned(span: metrics.Interval, unit: str) -> Figure:
    return Figure(round(span.value, 4), unit, round(span.low, 4), round(span.high, 4))


def _table(families: Sequence[str], figures: Mapping[str, Figure], selection: Selection | None) -> str:
    def cell(name: str, digits: int = 3) -> str:
        figure = figures[name]
        span = f" ({figure.low:.{digits}f}–{figure.high:.{digits}f})" if figure.low is not None else ""
        return f"{figure.value:.{digits}f}{span}"

    names = ("accuracy", "macro_f1", "spam_f1", "ece")
    rows = ["| held out by | family | accuracy | macro-F1 | spam F1 | ECE | trained in |", "|---|---|---|---|---|---|---|"]
    for way in _WAYS:
        for family in families:
            if f"{family}_{way}_accuracy" in figures:
                quality = " | ".join(cell(f"{family}_{way}_{name}") for name in names)
                rows.append(f"| {way} | `{family}` | {quality} | {cell(f'{family}_{way}_training', 0)} s |")
    if selection is None:
        return "\n".join(rows) + "\n"
    columns = ("family", "macro-F1 out of fold", "behind the best", "e-mails/s", "p95 alone, of 32", "size, memory")
    calibrators = [f"{name}: ECE · log loss" for name in _CALIBRATORS]
    rows += ["", f"| {' | '.join((*columns, *calibrators))} |", "|---" * (len(columns) + len(calibrators)) + "|"]
    for family in selection.families:
        calibrated = (f"{cell(f'{family}_{name}_ece')} · {cell(f'{family}_{name}_log_loss')}" for name in _CALIBRATORS)
        rows.append(
            f"| `{family}` | {cell(f'{family}_out_of_fold_macro_f1')} | {cell(f'{family}_out_of_fold_behind')} "
            f"| {cell(f'{family}_speed', 0)} | {cell(f'{family}_alone_p95', 1)}, {cell(f'{family}_batched_p95', 1)} ms "
            f"| {cell(f'{family}_size', 1)}, {cell(f'{family}_memory', 0)} MB | {' | '.join(calibrated)} |"
        )
    count = f"{selection.rows} e-mails of {selection.groups} threads and campaigns"
    return "\n".join(rows) + f"\n\nTaken is `{selection.families[0]}`, on {count} of the fold aside.\n"


def _write_table(table: str) -> None:
    """Put the table in its place in the page; one that is there gives way."""
    text = _PAGE.read_text("utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"{_PAGE}: has no place for the table, write {_BEGIN.strip()} and {_END.strip()}")
    unfinished = _PAGE.with_suffix(".unfinished")
    unfinished.write_text(before + _BEGIN + table + _END + after, "utf-8")
    unfinished.replace(_PAGE)


if __name__ == "__main__":
    sys.exit(main())
