"""How fast raw mail becomes cleaned rows, and in how much memory: Ray Data as the product runs it, beside a pool and a loop.

Three arms call the same functions (a stretch is read by its recipe, labelled, cleaned, its facts counted) on the corpus
written several times over, each run in a process of its own, in turns. Steady state is from the first table that arrives to
the last: (mails - mails of the first table) / (time between). What comes before, Ray's or the pool's start and the first
stretch included, is start-up. Memory is the PSS of the process with all its descendants, Ray's own included, sampled once a
second; shared memory (Ray's object store) is told apart. CPU time is that of all of them from beginning to end. Figures are
the median of the repetitions, with the lowest and the highest. What was measured is written down after each size.

python bench/prepare.py [--corpus FILE] [--times 1 10 50] [--repeat 3 3 1]; on two cores x50 takes some 35 minutes a repetition.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa
from pyarrow import parquet

from apps.training.reading.ingest import open_source
from apps.training.reading.sources import Source, Stretch
from bench.recording import REPO, Figure, record, spread
from bench.usage import Usage
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
_WORKERS = os.cpu_count() or 1
_ENOUGH_OF_THE_POOL = 0.8
_FLAT = 1.25


@dataclass(frozen=True, slots=True)
class _Run:
    """What one arm did: seconds since it began, and a digest of the rows in their order."""

    mails: int
    first_mails: int
    first_s: float
    last_s: float
    digest: str

    @property
    def steady(self) -> float:
        return (self.mails - self.first_mails) / (self.last_s - self.first_s)


@dataclass(frozen=True, slots=True)
class _Measured:
    run: _Run
    own_bytes: int
    shared_bytes: int
    cpu_s: float


def _loop(source: Source) -> Iterator[pa.Table]:
    for numbered in enumerate(source.stretches):
        yield _table(numbered)


def _pool(source: Source) -> Iterator[pa.Table]:
    with multiprocessing.get_context("forkserver").Pool(_WORKERS) as pool:
        yield from pool.imap(_table, enumerate(source.stretches))


def _ray(source: Source) -> Iterator[pa.Table]:
    import ray

    from apps.training.datasets.stream import stream_rows

    start_ray(cpus=_WORKERS)
    yield from stream_rows([source])
    ray.shutdown()


_ARMS: dict[str, Callable[[Source], Iterator[pa.Table]]] = {"loop": _loop, "pool": _pool, "ray": _ray}


def _table(numbered: tuple[int, Stretch]) -> pa.Table:
    """A stretch as one table, as Ray Data sends it."""
    from apps.training.datasets.stream import cleaned_blocks, first_position

    place, stretch = numbered
    return pa.concat_tables(cleaned_blocks(stretch, first_position(place)))


def main() -> int:
    """Measure every arm on every size, and write down the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=_SHARED / "spamassassin.parquet")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10, 50], help="how often the corpus is written")
    parser.add_argument("--repeat", type=int, nargs="+", default=[3, 3, 1], help="repetitions, one number for each of --times")
    parser.add_argument("--arm", choices=[*_ARMS, "kept"], help=argparse.SUPPRESS)  # a run, in its own process
    chosen = parser.parse_args()
    if chosen.arm:
        print(json.dumps(_kept(chosen.corpus) if chosen.arm == "kept" else asdict(_run(chosen.arm, chosen.corpus))))
        return 0
    if len(chosen.times) != len(chosen.repeat) or not chosen.corpus.is_file():
        parser.error(f"write as many numbers after --repeat as after --times, and a --corpus that exists: {chosen.corpus}")
    kept = {"build_keeps": Figure(_child("kept", chosen.corpus), "bytes/e-mail")}
    measured: dict[int, dict[str, list[_Measured]]] = {}
    for times, repeat in zip(chosen.times, chosen.repeat, strict=True):
        measured[times] = _measure(chosen.corpus, times, repeat)
        print(record("prepare", {**_figures(measured), **_compared(measured), **kept}), flush=True)
    return 0


def _measure(corpus: Path, times: int, repeat: int) -> dict[str, list[_Measured]]:
    """Every arm ``repeat`` times in turns, on the corpus written ``times`` times."""
    found: dict[str, list[_Measured]] = {arm: [] for arm in _ARMS}
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        path = _multiplied(corpus, times, Path(scratch))
        for number in range(repeat):
            for arm in _ARMS:
                one = _measured(arm, path)
                found[arm].append(one)
                print(f"x{times} {arm} {number + 1}/{repeat}: {one.run.steady:.0f} e-mails/s", file=sys.stderr, flush=True)
    if len({one.run.digest for runs in found.values() for one in runs}) > 1:
        raise SystemExit(f"x{times}: the arms do not give the same rows")
    return found


def _multiplied(corpus: Path, times: int, folder: Path) -> Path:
    """The corpus several times over in one file, a copy at a time."""
    path = folder / f"{corpus.stem}-x{times}.parquet"
    table = parquet.read_table(corpus)
    with parquet.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(times):
            writer.write_table(table)
    return path


def _measured(arm: str, path: Path) -> _Measured:
    process = subprocess.Popen(_command(arm, path), stdout=subprocess.PIPE, text=True)
    with Usage(process.pid) as usage:
        said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{arm} ended with {process.returncode}")
    return _Measured(_Run(**json.loads(said)), usage.own_bytes, usage.shared_bytes, usage.cpu_s)


def _child(arm: str, path: Path) -> float:
    return json.loads(subprocess.run(_command(arm, path), check=True, capture_output=True, text=True).stdout)


def _command(arm: str, path: Path) -> list[str]:
    return [sys.executable, __file__, "--arm", arm, "--corpus", str(path)]


def _run(arm: str, path: Path) -> _Run:
    source = _source(path)
    digest, mails, arrived, firsts = hashlib.sha256(), 0, [], []
    began = time.monotonic()
    for table in _ARMS[arm](source):
        arrived.append(time.monotonic() - began)
        firsts.append(table.num_rows)
        mails += table.num_rows
        digest.update("".join(table.column("row_id").to_pylist()).encode())
    return _Run(mails, firsts[0], arrived[0], arrived[-1], digest.hexdigest())


def _source(path: Path) -> Source:
    with TemporaryDirectory(prefix="triage-bench-") as landing:
        return open_source(str(path), "spamassassin", Path(landing))


def _kept(path: Path) -> float:
    """Bytes that a build keeps of each mail, beside the file it writes."""
    from apps.training.datasets.build import candidates_of

    tables = list(_loop(_source(path)))
    tracemalloc.start()
    kept = [row for table in tables for row in candidates_of(table)]
    return round(tracemalloc.get_traced_memory()[0] / len(kept))


def _figures(measured: dict[int, dict[str, list[_Measured]]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for times, arms in measured.items():
        for arm, runs in arms.items():
            name = f"x{times}_{arm}"
            figures[f"{name}_steady"] = spread([one.run.steady for one in runs], "e-mails/s", 1)
            figures[f"{name}_start_up"] = spread([one.run.first_s for one in runs], "s", 2)
            figures[f"{name}_whole"] = spread([one.run.mails / one.run.last_s for one in runs], "e-mails/s", 1)
            figures[f"{name}_cpu"] = spread([1000 * one.cpu_s / one.run.mails for one in runs], "ms/e-mail", 3)
            figures[f"{name}_memory"] = spread([one.own_bytes / 1e6 for one in runs], "MB", 0)
            figures[f"{name}_shared_memory"] = spread([one.shared_bytes / 1e6 for one in runs], "MB", 0)
    return figures


def _compared(measured: dict[int, dict[str, list[_Measured]]]) -> dict[str, Figure]:
    """Ray Data against the pool, size by size, and its memory from the least size to the greatest."""
    figures: dict[str, Figure] = {}
    for times, arms in measured.items():
        ratios = [ours.run.steady / theirs.run.steady for ours, theirs in zip(arms["ray"], arms["pool"], strict=True)]
        goal = {"goal": f">= {_ENOUGH_OF_THE_POOL}", "holds": median(ratios) >= _ENOUGH_OF_THE_POOL} if times > 1 else {}
        figures[f"x{times}_ray_to_pool"] = spread(ratios, "ratio", 3, baseline="pool", **goal)
    least, greatest = min(measured), max(measured)
    grown = _total(measured[greatest]["ray"]) / _total(measured[least]["ray"])
    name = f"ray_memory_x{greatest}_to_x{least}"
    return {**figures, name: Figure(round(grown, 3), "ratio", baseline=f"x{least}", goal=f"<= {_FLAT}", holds=grown <= _FLAT)}


def _total(runs: Sequence[_Measured]) -> float:
    return median(one.own_bytes + one.shared_bytes for one in runs)


if __name__ == "__main__":
    sys.exit(main())
