"""Embeds a whole dataset on Ray Data actors, with the same network that later embeds each request."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from apps.training.fitting.ray_train import require_ray
from libs.common.errors import ModelError
from libs.common.features.text_network import Array, TextNetwork
from libs.common.features.tokens import beginning
from libs.common.stores.orchestrator import quiet_data

if TYPE_CHECKING:
    from ray import ObjectRef
    from ray.data import Dataset

# About 5 s of work for an actor; of a text no more travels than is read, so a block has at most 0.5 MB at 128 tokens.
_BLOCK_TEXTS = 256
# A fraction: stages that each ask for a whole CPU wait for each other for ever on a machine with two.
_ACTOR_CPUS = 0.5


class EmbeddingActor:
    """Holds the network for as long as the actor lives, so that each loads it once; the actor may be on another machine."""

    def __init__(self, packed: "ObjectRef[dict[str, bytes]]", max_tokens: int) -> None:
        import ray

        self._files = TemporaryDirectory(prefix="triage-encoder-")
        for name, content in ray.get(packed).items():
            (Path(self._files.name) / name).write_bytes(content)
        self._network = TextNetwork(Path(self._files.name), max_tokens)

    def __call__(self, block: pa.Table) -> pa.Table:
        """A block with a column ``text`` → its embeddings, in its order."""
        embedded = self._network.answer(block.column("text").to_pylist())
        return pa.table({"embedding": pa.FixedSizeListArray.from_arrays(embedded.ravel(), embedded.shape[1])})


def embed_texts(texts: Sequence[str], network: TextNetwork, actors: int) -> Array:
    """(n, d) embeddings in the order of ``texts``, by at most so many ``actors`` of the connected Ray.

    Blocks are cut here and never rearranged, so that the same texts are always batched, and thus rounded, alike.
    """
    from ray.exceptions import RayError

    if not texts:
        return np.empty((0, network.columns), dtype=np.float32)
    require_ray()
    try:
        embedded = _embedded(texts, network, actors).iter_batches(batch_size=None, batch_format="pyarrow")
        return np.vstack([_matrix(block) for block in embedded])
    except RayError as error:
        raise ModelError(f"embedding failed: {error}", "the actor's log above says where") from error


def _embedded(texts: Sequence[str], network: TextNetwork, actors: int) -> "Dataset":
    import ray
    import ray.data

    packed = ray.put({path.name: path.read_bytes() for path in sorted(network.files.iterdir())})
    quiet_data().execution_options.preserve_order = True
    cut = [beginning(text, network.max_tokens) for text in texts]
    blocks = [pa.table({"text": cut[start : start + _BLOCK_TEXTS]}) for start in range(0, len(cut), _BLOCK_TEXTS)]
    return ray.data.from_arrow(blocks).map_batches(
        EmbeddingActor,
        fn_constructor_args=(packed, network.max_tokens),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=min(actors, len(blocks))),
        num_cpus=_ACTOR_CPUS,
    )


def _matrix(block: pa.Table) -> Array:
    column = block.column("embedding").combine_chunks()
    width = cast("pa.FixedSizeListType", column.type).list_size
    return cast("NDArray[np.float32]", column.flatten().to_numpy(zero_copy_only=False)).reshape(-1, width)
