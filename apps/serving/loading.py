"""From a model's address to a model that answers: fetched, verified, loaded and warmed up before anyone is sent to it."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from apps.serving.memory import used_bytes
from libs.common.domain.model import SUMMARIZER, ModelRef
from libs.common.domain.triage import Email, Prediction, Said
from libs.common.errors import ModelCorrupt, ModelError, ModelUntrusted
from libs.common.logs import get_logger
from libs.common.models.base import Classifier, Staged, Summarizer, answers

logger = get_logger("serving.loading")

# The first predictions of an engine allocate its memory and pick its kernels; callers should not pay for that.
WARM_UP_BATCHES = (1, 1, 8)
WARM_UP_EMAIL = Email(
    message_id="<warm-up>", sender="warm-up@example.com", subject="Warm-up", body="The quick brown fox jumps. " * 20
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory; ``size_bytes`` is what loading it and warming it up has added to the memory in use."""

    ref: ModelRef
    model: Classifier | Summarizer
    size_bytes: int

    @property
    def classifier(self) -> Classifier:
        """The model; ModelError where it is a summarizer."""
        if isinstance(self.model, Summarizer):
            raise ModelError(f"{self.ref} is a summarizer and knows no categories", "name a version of a classifier")
        return self.model

    @property
    def labels(self) -> tuple[str, ...]:
        """What a classifier may answer."""
        return self.classifier.labels

    @property
    def engine(self) -> Callable[[Sequence[Email]], Sequence[Said]]:
        """What gives one prediction or one line an e-mail. Keep it: telling the kind of a model is slow."""
        return self.model.summarize if isinstance(self.model, Summarizer) else partial(_predict, self.model)

    def predict(self, emails: Sequence[Email]) -> list[Prediction]:
        """One prediction an e-mail; ModelError where the model is a summarizer."""
        return _predict(self.classifier, emails)

    def warm_up(self) -> None:
        """Answer some e-mails that nobody sent."""
        engine = self.engine
        for size in WARM_UP_BATCHES:
            engine([WARM_UP_EMAIL] * size)
        if isinstance(self.model, Staged):
            self.model.heavy.predict([WARM_UP_EMAIL])


def _predict(classifier: Classifier, emails: Sequence[Email]) -> list[Prediction]:
    return answers(classifier.labels, classifier.predict(emails))


def load_model(ref: ModelRef, folder: Path, trusted: Path | None = None, threads: int = 1) -> LoadedModel:
    """Fetch ``ref`` below ``folder``, check its digest and that the key ``trusted`` verifies it, load it and warm it up.

    It predicts with ``threads`` threads. A local copy that is damaged, or not signed yet, is fetched once more; ModelCorrupt,
    naming the file, or ModelUntrusted when the store's own copy is no better.
    """
    try:
        return _load(ref, folder / ref.digest, trusted, threads)
    except (ModelCorrupt, ModelUntrusted) as error:
        logger.warning("the local copy of %s cannot be loaded, fetching it again: %s", ref, error.message)
        shutil.rmtree(folder / ref.digest, ignore_errors=True)
        return _load(ref, folder / ref.digest, trusted, threads)


def _load(ref: ModelRef, folder: Path, trusted: Path | None, threads: int) -> LoadedModel:
    from libs.common.models.artifact import load_classifier, load_summarizer
    from libs.common.stores.objects import fetch_folder

    fetched = fetch_folder(ref.uri, folder)
    before = used_bytes()
    read = load_summarizer if ref.name == SUMMARIZER else load_classifier
    model = LoadedModel(ref, read(fetched, expected_digest=ref.digest, threads=threads, trusted=trusted), size_bytes=0)
    model.warm_up()
    # What requests take and free meanwhile is in it, too: some megabytes beside a limit of gigabytes. At least its files' size.
    files = sum(path.stat().st_size for path in fetched.rglob("*") if path.is_file())
    return replace(model, size_bytes=max(used_bytes() - before, files))
