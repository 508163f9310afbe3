"""How fast a whole source is triaged offline, and in how much memory: the product beside a bare loop around the same model.

The arms answer the same rows of the corpus, written several times over: `loop` reads, parses and predicts in one process and
keeps nothing; `offline` is `triage classify` as it is configured, and `alone` the same with one actor. Each run is a process of
its own, in turns; imports are not timed. E-mails a second are those of the whole run: Ray's start, finding the version and
loading the model are in it, in every arm. `steady` leaves all of that out of every arm alike: e-mails of the largest size less
those of the smallest, by the seconds of the one less those of the other. Memory is the PSS of the process with all its
descendants, Ray's own included, sampled once a second. All arms must give the same labels. Figures are the median of the
repetitions, with the lowest and the highest.

python bench/offline.py [--corpus FILE] [--times 1 10] [--repeat 3 3] [--limit E-MAILS]
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyarrow import parquet

from apps.serving.batch.run import OfflinePlace, OfflineRequest, triage_source
from apps.serving.settings import Folders
from apps.training.datasets.build import BuildRequest, drafted
from apps.training.evaluation.evaluate import evaluate
from apps.training.evaluation.footprint import footprint
from apps.training.fitters import fitter
from apps.training.fitting.examples import read_examples
from apps.training.packaging.draft import draft_version
from apps.training.packaging.provenance import Provenance
from apps.training.provenance import Stamp, code_commit
from bench.recording import REPO, Figure, record
from bench.usage import Usage
from libs.common.config.home import Home
from libs.common.config.loader import load_config
from libs.common.connect import Stores, connect
from libs.common.domain.dataset import Split
from libs.common.domain.model import ModelVersion, TrainingDetails
from libs.common.models.artifact import load_classifier, write_artifact
from libs.common.sources.raw_mail import read_mail
from libs.common.sources.raw_source import find_source
from libs.common.stores.objects import fetch_folder
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_MODEL, _BATCH = "email_classifier", 256
_ENOUGH_OF_THE_LOOP = 0.8
_FLAT = 1.25
ARMS = ("loop", "offline", "alone")


@dataclass(frozen=True, slots=True)
class _Run:
    """What one arm did, and a digest of the label of each e-mail in their order."""

    mails: int
    seconds: float
    digest: str


@dataclass(frozen=True, slots=True)
class _Measured:
    run: _Run
    memory_bytes: int
    cpu_s: float

    @property
    def rate(self) -> float:
        return self.run.mails / self.run.seconds


def main() -> int:
    """Fit the model, measure every arm on every size, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="how often the corpus is written")
    parser.add_argument("--repeat", type=int, nargs="+", default=[3, 3], help="repetitions, one number for each of --times")
    parser.add_argument(
        "--limit", type=int, help="take only so many e-mails of the corpus: to try the benchmark, writes nothing"
    )
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)  # a run, in its own process
    chosen = parser.parse_args()
    if chosen.arm:
        print(json.dumps(asdict(_run(chosen.arm, chosen.corpus))))
        return 0
    if len(chosen.times) != len(chosen.repeat) or not chosen.corpus.is_file():
        parser.error(f"write as many numbers after --repeat as after --times, and a --corpus that exists: {chosen.corpus}")
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        os.environ["TRIAGE_HOME"] = f"{scratch}/home"
        corpus = _limited(chosen.corpus, chosen.limit, Path(scratch)) if chosen.limit else chosen.corpus
        _register(corpus, Path(scratch))
        sizes = zip(chosen.times, chosen.repeat, strict=True)
        measured = {times: _measure(corpus, times, repeat, Path(scratch)) for times, repeat in sizes}
    figures = {**_figures(measured), **_compared(measured)}
    print(json.dumps({name: figure.value for name, figure in figures.items()}, indent=2))
    if not chosen.limit:
        print(record("offline", figures))
    return 0


def _limited(corpus: Path, limit: int, folder: Path) -> Path:
    path = folder / corpus.name
    table = parquet.read_table(corpus)
    # Spread over the corpus, which is sorted by class.
    taken = min(limit, table.num_rows)
    parquet.write_table(table.take([number * table.num_rows // taken for number in range(taken)]), path)
    return path


def _register(corpus: Path, scratch: Path) -> None:
    """Fit the tabular family on the corpus as it is configured, and register it."""
    import ray

    start_ray()
    now = datetime.now(UTC)
    request = BuildRequest(name="offline", sources=(str(corpus),), recipe="spamassassin")
    with drafted(request, Stamp(now, code_commit(), ""), None) as (folder, dataset):
        train, holdout = (read_examples(folder, split) for split in (Split.TRAIN, Split.HOLDOUT))
    ray.shutdown()
    classifier = fitter("tabular", load_config("local").training)(train, 0, scratch).classifier
    digest = write_artifact(scratch / "model", classifier, {})
    figures = evaluate(classifier, holdout, seed=0).figures
    details = TrainingDetails(
        dataset_version="offline",
        dataset_digest=dataset.digest,
        training_duration_hours=0,
        compute_cost_usd=0,
        training_date=now,
        seed=0,
    )
    said, taken = Provenance(_MODEL, "tabular", dataset, details), footprint(classifier, holdout.emails[:_BATCH])
    _stores().registry.register(scratch / "model", draft_version(said, classifier.labels, digest, figures, taken))


def _stores() -> Stores:
    return connect(load_config("local").addresses(Home.find()))


def _measure(corpus: Path, times: int, repeat: int, scratch: Path) -> dict[str, list[_Measured]]:
    """Every arm ``repeat`` times in turns, on the corpus written ``times`` times."""
    found: dict[str, list[_Measured]] = {arm: [] for arm in ARMS}
    path = scratch / f"{corpus.stem}-x{times}.parquet"
    table = parquet.read_table(corpus)
    with parquet.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(table)
    for number in range(repeat):
        for arm in ARMS:
            one = _measured(arm, path)
            found[arm].append(one)
            print(f"x{times} {arm} {number + 1}/{repeat}: {one.rate:.0f} e-mails/s", file=sys.stderr, flush=True)
    if len({one.run.digest for runs in found.values() for one in runs}) > 1:
        raise SystemExit(f"x{times}: the arms do not give the same labels")
    return found


def _measured(arm: str, path: Path) -> _Measured:
    command = [sys.executable, __file__, "--arm", arm, "--corpus", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with Usage(process.pid) as usage:
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{arm} ended with {process.returncode}")
    return _Measured(_Run(**json.loads(said)), usage.own_bytes + usage.shared_bytes, usage.cpu_s)


def _run(arm: str, path: Path) -> _Run:
    began = time.monotonic()
    if arm == "loop":
        labels = list(_looped(path, _stores().registry.get(_MODEL)))
        return _Run(len(labels), time.monotonic() - began, _digest(labels))
    with TemporaryDirectory(prefix="triage-bench-") as out:
        config, home = load_config("local"), Home.find()
        request = OfflineRequest(str(path), out, _MODEL, "latest")
        serving = config.model_serving
        if arm == "alone":
            serving = serving.model_copy(update={"offline": serving.offline.model_copy(update={"workers": 1})})
        began = time.monotonic()
        summary = triage_source(request, OfflinePlace(_stores(), serving, Folders.below(home)))
        seconds = time.monotonic() - began
        labels = parquet.read_table(out, columns=["label"])["label"].to_pylist()
    return _Run(summary.mails, seconds, _digest(labels))


def _looped(path: Path, version: ModelVersion) -> Iterator[str]:
    """The label of each e-mail, by a loop that does nothing but read, parse and predict."""
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        classifier = load_classifier(fetch_folder(version.uri, Path(scratch) / "model"), version.digest)
        labels = classifier.labels
        for stretch in find_source(str(path), Path(scratch)).stretches:
            emails = [read_mail(mail, str).email for mail in stretch.read()]
            for first in range(0, len(emails), _BATCH):
                best = classifier.predict(emails[first : first + _BATCH]).argmax(axis=1)
                yield from (labels[place] for place in best.tolist())


def _digest(labels: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(labels).encode()).hexdigest()


def _figures(measured: dict[int, dict[str, list[_Measured]]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for times, arms in measured.items():
        for arm, runs in arms.items():
            name = f"x{times}_{arm}"
            figures[name] = _over([one.rate for one in runs], "e-mails/s", 1)
            figures[f"{name}_cpu"] = _over([1000 * one.cpu_s / one.run.mails for one in runs], "ms/e-mail", 3)
            figures[f"{name}_memory"] = _over([one.memory_bytes / 1e6 for one in runs], "MB", 0)
    return figures


def _compared(measured: dict[int, dict[str, list[_Measured]]]) -> dict[str, Figure]:
    """Each arm against the loop, size by size, and the memory from the least size to the greatest."""
    figures: dict[str, Figure] = {}
    least, greatest = min(measured), max(measured)
    for times, arms in measured.items():
        for arm in ARMS[1:]:
            ratios = [ours.rate / theirs.rate for ours, theirs in zip(arms[arm], arms["loop"], strict=True)]
            aimed = arm == "offline" and times == greatest
            goal = {"goal": f">= {_ENOUGH_OF_THE_LOOP}", "holds": median(ratios) >= _ENOUGH_OF_THE_LOOP} if aimed else {}
            figures[f"x{times}_{arm}_to_loop"] = _over(ratios, "ratio", 3, baseline="loop", **goal)
    if least != greatest:
        figures |= _steady(measured[least], measured[greatest])
    held = [median(one.memory_bytes for one in measured[times]["offline"]) for times in (least, greatest)]
    grown = held[1] / held[0]
    flat = Figure(round(grown, 3), "ratio", baseline=f"x{least}", goal=f"<= {_FLAT}", holds=grown <= _FLAT)
    return {**figures, f"offline_memory_x{greatest}_to_x{least}": flat}


def _steady(least: dict[str, list[_Measured]], greatest: dict[str, list[_Measured]]) -> dict[str, Figure]:
    """E-mails a second without what a run costs before its first and after its last, and each arm's to those of the loop."""
    rates: dict[str, list[float]] = {}
    for arm in ARMS:
        pairs = zip(least[arm], greatest[arm], strict=False)
        rates[arm] = [(more.run.mails - few.run.mails) / (more.run.seconds - few.run.seconds) for few, more in pairs]
    figures = {f"steady_{arm}": _over(rates[arm], "e-mails/s", 1) for arm in ARMS}
    for arm in ARMS[1:]:
        ratios = [ours / theirs for ours, theirs in zip(rates[arm], rates["loop"], strict=True)]
        figures[f"steady_{arm}_to_loop"] = _over(ratios, "ratio", 3, baseline="loop")
    return figures


def _over(values: Sequence[float], unit: str, digits: int, **more: object) -> Figure:
    low, high = (round(bound(values), digits) for bound in (min, max))
    return Figure(round(median(values), digits), unit, low, high, **more)


if __name__ == "__main__":
    sys.exit(main())
