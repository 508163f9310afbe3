"""How the product serves, beside bare engines and other servers, on this machine with the same model files and real e-mails.

    python bench/serving.py [--part closed open cascade overload] [--peers …] [--models FOLDER]

`closed`: requests a second and latency at 1 to 64 connections with the tabular model, and at 8 with the int8 transformer.
`open`: the highest steady load at p95 < 200 ms with the cascade. In both contestants take turns, round by round, there and
back, and each is started anew. `cascade`: 500 requests a second on the product. `overload`: five times what it can answer.
Peers are raw ASGI under uvicorn in one process and in two, FastAPI, LitServe, BentoML, TorchServe and plain Ray Serve; what
they need is installed into an environment below --cache. All may use every core, and must agree with the bare engine before
they are measured. Raw ASGI is the limit that HTTP sets, and no peer where the best one counts. Closed-loop load is wrk's;
open-loop latency counts from when a request was due. Figures are the median of the rounds, with the lowest and the highest.
Each part is written down when it has ended; what the file holds of other parts stays.

The models are fitted where --models does not hold them yet, some ten minutes, once; the parts take some twenty-five.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}

from bench.contestants.lineup import CONTESTANTS, PRODUCT, why_not
from bench.contestants.peers_venv import peers_python, versions
from bench.load.bodies import SYNTHETIC, write_bodies
from bench.load.closed_loop import find_wrk
from bench.models import HOLDOUT, built_examples, fit_arms
from bench.parts.cascade import measure_cascade
from bench.parts.closed import measure_int8, measure_tabular
from bench.parts.open import measure_open
from bench.parts.overload import measure_overload
from bench.parts.setup import Seconds, Setup
from bench.recording import REPO, Figure, record
from libs.common.stores.orchestrator import start_ray

_SHARED = Path(os.environ.get("TRIAGE_SHARED") or REPO.parent / "shared" / "data")
CORPUS = _SHARED / "spamassassin.parquet"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "triage-bench"
_BODIES = 1000

Part = Callable[[Setup], dict[str, Figure]]
PARTS: dict[str, tuple[Part, ...]] = {
    "closed": (measure_tabular, measure_int8),
    "open": (measure_open,),
    "cascade": (measure_cascade,),
    "overload": (measure_overload,),
}
PEERS = [name for name in CONTESTANTS if name != PRODUCT]


def main() -> int:
    """Measure the chosen parts, and write down the figures of each."""
    chosen = _parser().parse_args()
    find_wrk()
    left_out = {name: why for name in chosen.peers if (why := why_not(name))}
    peers = tuple(name for name in PEERS if name in chosen.peers and name not in left_out)
    python = peers_python(chosen.cache / "peers", peers)
    told = {"versions": versions(python), "left_out": ", ".join(f"{name}: {why}" for name, why in left_out.items())}
    corpus = chosen.corpus if chosen.corpus.is_file() else None
    arms = fitted(chosen.models or chosen.cache / "models", corpus)
    with TemporaryDirectory(prefix="triage-bench-") as scratch:
        bodies = write_bodies(corpus, _BODIES, Path(scratch) / "bodies.jsonl")
        seconds = Seconds(chosen.seconds, chosen.open_seconds, chosen.cascade_seconds, chosen.overload_seconds)
        setup = Setup(arms, python, peers, bodies, chosen.rounds, seconds)
        for measure in (measure for part in chosen.part for measure in PARTS[part]):
            print(record("serving", measure(setup), keep=True, **told), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="whom to measure beside the product")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="synthetic mail where missing")
    parser.add_argument("--models", type=Path, help="where the fitted models lie, or are to lie (default: below --cache)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the peers' environment (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a run of closed-loop load")
    parser.add_argument("--open-seconds", type=float, default=3.0, help="of each rate that is tried")
    parser.add_argument("--cascade-seconds", type=float, default=45.0, help="the goal is 300")
    parser.add_argument("--overload-seconds", type=float, default=15.0, help="the goal is 60")
    return parser


def fitted(models: Path, corpus: Path | None) -> Path:
    """The folder of the artifacts that were fitted on everything but the holdout; as `bench/cascade.py` keeps them."""
    folder = models / f"{HOLDOUT}"
    if not folder.exists():
        import numpy as np
        import ray

        start_ray()
        whole = built_examples(str(corpus), "spamassassin") if corpus else built_examples(SYNTHETIC, None)
        fit_arms(whole.take(np.flatnonzero(np.array(whole.folds) != HOLDOUT)), folder)
        ray.shutdown()
    return folder


if __name__ == "__main__":
    sys.exit(main())
