"""What every peer answers with: the artifact that BENCH_ARTIFACT names, read and asked as the product does it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from libs.common.domain.triage import Email
from libs.common.features.json_mail import email_from_json
from libs.common.models.artifact import load_classifier
from libs.common.models.base import Classifier, answers

ARTIFACT, THREADS, WORKERS, PORT = "BENCH_ARTIFACT", "BENCH_THREADS", "BENCH_WORKERS", "BENCH_PORT"
HOST, ROUTE = "127.0.0.1", "/v1/classify"
_WARM_UP = Email(message_id="", sender="warm-up@example.com", subject="Warm-up", body="The quick brown fox jumps. " * 20)

Answer = dict[str, Any]


def setting(name: str) -> int:
    """A number that the bench gives a contestant in its environment."""
    return int(os.environ[name])


def load_engine() -> Classifier:
    """The classifier of this process, warm."""
    engine = load_classifier(Path(os.environ[ARTIFACT]), threads=setting(THREADS))
    for _ in range(3):
        engine.predict([_WARM_UP])
    return engine


def answer(engine: Classifier, documents: Sequence[Any]) -> list[Answer]:
    """What ``engine`` says of each JSON e-mail."""
    said = answers(engine.labels, engine.predict([email_from_json(document) for document in documents]))
    return [{"label": one.label, "confidence": one.confidence, "probabilities": one.probabilities} for one in said]
