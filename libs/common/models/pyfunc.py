"""The face of an artifact to ``mlflow.pyfunc.load_model``: an MLmodel file names this module as its loader."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.models.artifact import load_classifier, load_summarizer, read_header
from libs.common.models.base import Classifier, Summarizer, answers

if TYPE_CHECKING:
    from pandas import DataFrame

_OPTIONAL = ("message_id", "sender", "is_html", "thread_id", "sent_at")
_UNKNOWN: dict[str, Any] = {"message_id": "", "sender": ""}


class PyfuncClassifier:
    """Answers a table of e-mails with a table of labels."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def predict(self, model_input: "DataFrame", params: Mapping[str, Any] | None = None) -> "DataFrame":
        """Columns ``subject`` and ``body`` (``sender``, ``is_html``, … where known) → ``label``, ``confidence``."""
        import pandas as pd

        predictions = answers(self._classifier.labels, self._classifier.predict(emails_of(model_input)))
        rows = [(prediction.label, prediction.confidence) for prediction in predictions]
        return pd.DataFrame(rows, columns=["label", "confidence"], index=model_input.index)


class PyfuncSummarizer:
    """Answers a table of e-mails with a table of lines."""

    def __init__(self, summarizer: Summarizer) -> None:
        self._summarizer = summarizer

    def predict(self, model_input: "DataFrame", params: Mapping[str, Any] | None = None) -> "DataFrame":
        """Columns ``subject`` and ``body`` (``is_html``, … where known) → ``summary``."""
        import pandas as pd

        lines = [summary.text for summary in self._summarizer.summarize(emails_of(model_input))]
        return pd.DataFrame({"summary": lines}, index=model_input.index)


def emails_of(table: "DataFrame") -> Sequence[Email]:
    """One `Email` a row; DataError where a needed column is missing."""
    if missing := {"subject", "body"} - set(table.columns):
        raise DataError(f"the table lacks {', '.join(sorted(missing))}", "give at least the columns subject and body")
    columns = ["subject", "body", *(name for name in _OPTIONAL if name in table.columns)]
    rows = cast("list[dict[str, Any]]", table.filter(items=columns).to_dict(orient="records"))
    return [Email(**(_UNKNOWN | row)) for row in rows]


def _load_pyfunc(  # pyright: ignore[reportUnusedFunction]
    path: str, model_config: Mapping[str, Any] | None = None
) -> PyfuncClassifier | PyfuncSummarizer:
    """What MLflow calls, with the digest that was registered; the key at ``TRIAGE_TRUSTED_KEY``, if set, must verify it."""
    folder, digest = Path(path), (model_config or {}).get("digest")
    named = os.environ.get("TRIAGE_TRUSTED_KEY")
    trusted = Path(named) if named else None
    if read_header(folder).labels:
        return PyfuncClassifier(load_classifier(folder, digest, trusted=trusted))
    return PyfuncSummarizer(load_summarizer(folder, digest, trusted=trusted))
