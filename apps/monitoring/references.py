"""What a live version was trained on: its reference sample and its training date, fetched once a version."""

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from libs.common.domain.model import ModelRef, ModelVersion
from libs.common.errors import ModelCorrupt, ModelError
from libs.common.logs import get_logger
from libs.common.models.artifact import verify_artifact
from libs.common.stores.objects import fetch_folder

logger = get_logger("monitoring.references")

# One row an e-mail that the version was trained on, one column a feature.
FILE = "reference.parquet"
Sample = Mapping[str, NDArray[np.float64]]


class References:
    """Remembers the versions it was asked for; ``look_up(name, version)`` asks the registry.

    ``trusted`` is the public key that an artifact must be signed with, asked anew for each: it may come later than the watch.
    """

    def __init__(
        self,
        folder: Path,
        look_up: Callable[[str, str], ModelVersion],
        trusted: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._folder = folder
        self._look_up = look_up
        self._trusted = trusted
        self._samples: dict[str, Sample] = {}
        self._dates: dict[str, datetime] = {}

    def sample(self, ref: ModelRef) -> Sample:
        """The reference sample of the artifact; empty, and said so once, where the version carries none.

        ModelCorrupt or ModelUntrusted where the artifact is not what was registered and signed; it is fetched again next time.
        """
        if ref.digest not in self._samples:
            path = self._fetch(ref) / FILE
            if not path.exists():
                logger.warning("%s carries no %s: its drift cannot be measured", ref, FILE)
            self._samples[ref.digest] = read_sample(path) if path.exists() else {}
        return self._samples[ref.digest]

    def _fetch(self, ref: ModelRef) -> Path:
        folder = fetch_folder(ref.uri, self._folder / ref.digest)
        try:
            if (digest := verify_artifact(folder, self._trusted())) != ref.digest:
                raise ModelCorrupt(f"{ref.uri}: has digest {digest}, {ref.digest} was released", "train the model again")
        except ModelError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def trained_at(self, ref: ModelRef) -> datetime:
        """When the version was trained."""
        if ref.digest not in self._dates:
            version = self._look_up(ref.name, ref.version)
            self._dates[ref.digest] = version.training_details.training_date
        return self._dates[ref.digest]


def read_sample(path: Path) -> Sample:
    """One array a column, every digit kept: counts tie with live ones. ModelCorrupt where the file is no table of numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        return {name: table.column(name).cast(pa.float64()).to_numpy() for name in table.column_names}
    except (OSError, pa.ArrowException) as error:
        raise ModelCorrupt(f"{path}: is no reference sample: {error}", "package the model again") from error
