"""Fifty real models through a cache that holds a few: each is weighed rightly, the bound holds, the live one stays."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from libs.common.features.extraction import METADATA
from libs.common.features.grams import BUCKETS
from libs.common.models.artifact import write_artifact
from libs.common.models.tabular import TabularClassifier, TabularWeights

MODELS = 50
LIMIT_BYTES = 60_000_000

# In a process of its own, which nobody else's memory disturbs. Model 0 is live; it is loaded once before, for the libraries.
REPLICA = """
import json, sys
from dataclasses import fields
from pathlib import Path
import psutil
from apps.serving.loading import load_model
from apps.serving.model_cache import ModelCache
from libs.common.domain.model import ModelRef

folder, refs = Path(sys.argv[1]), [ModelRef(**ref) for ref in json.loads(sys.argv[2])]
load_model(refs[0], folder)
cache = ModelCache(lambda ref: load_model(ref, folder), int(sys.argv[3]))
cache.pin([refs[0].digest])
rest = psutil.Process().memory_info().rss
weights, steps = {}, []
for ref in refs:
    model = cache.get(ref)
    parts, terms = model.classifier.weights, model.classifier.vocabulary
    arrays = sum(getattr(parts, field.name).nbytes for field in fields(parts))
    weights[ref.digest] = arrays + sys.getsizeof(terms) + sum(sys.getsizeof(term) + 28 for term in terms)
    del parts, terms
    held = sum(weights[digest] for digest in cache.digests)
    resident = psutil.Process().memory_info().rss - rest
    steps.append([model.size_bytes, weights[ref.digest], cache.size_bytes, held, resident, refs[0].digest in cache.digests])
print(json.dumps(steps))
"""


def stored(number: int, folder: Path) -> dict[str, str]:
    """A tabular model of some megabytes, no two alike; its address."""
    draw, labels, terms = np.random.default_rng(number), 2 + number % 6, 2_000 + number * 37 % 50 * 400

    def some(*shape: int) -> np.ndarray:
        return draw.random(shape, dtype=np.float32)

    facts = np.zeros(len(METADATA), dtype=np.float32)
    weights = TabularWeights(
        idf=some(terms),
        terms=some(terms, labels),
        gram_idf=some(BUCKETS),
        grams=some(BUCKETS, labels),
        bias=some(labels),
        metadata=some(len(METADATA), labels),
        centre=facts,
        scale=facts + 1,
    )
    vocabulary = {f"term{number}x{row}": row for row in range(terms)}
    classifier = TabularClassifier(tuple(f"label{place}" for place in range(labels)), vocabulary, weights, 1.0)
    digest = write_artifact(folder / f"{number}", classifier, {})
    return {"name": "m", "version": f"{number}", "digest": digest, "uri": str(folder / f"{number}")}


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> np.ndarray:
    folder = tmp_path_factory.mktemp("models")
    refs = [stored(number, folder / "objects") for number in range(MODELS)]
    command = [sys.executable, "-c", REPLICA, str(folder / "fetched"), json.dumps(refs), str(LIMIT_BYTES)]
    ran = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return np.array(json.loads(ran.stdout), dtype=float)


def test_each_model_is_weighed_within_five_per_cent(steps: np.ndarray) -> None:
    measured, real = steps[:, 0], steps[:, 1]
    assert real.sum() > 3 * LIMIT_BYTES
    assert np.abs(measured / real - 1).max() < 0.05


def test_the_bound_holds_and_the_cache_is_used_to_the_full(steps: np.ndarray) -> None:
    said, real, resident = steps[:, 2], steps[:, 3], steps[:, 4]
    assert said.max() <= LIMIT_BYTES
    assert real.max() <= 1.05 * LIMIT_BYTES
    full = next(step for step, (less, more) in enumerate(pairwise(said)) if more < less)
    assert said[full:].min() > 0.8 * LIMIT_BYTES
    # What Python keeps of the memory it has freed; all fifty would be four times the limit.
    assert resident.max() < 1.25 * LIMIT_BYTES


def test_the_live_version_is_never_evicted(steps: np.ndarray) -> None:
    assert steps[:, 5].all()
