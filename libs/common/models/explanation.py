"""Why a classifier gave an e-mail its label: exactly for a linear one, by leaving words out for any other."""

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from libs.common.domain.triage import Email
from libs.common.features.cleaning import CleanEmail, clean
from libs.common.features.extraction import MAX_CHARS
from libs.common.models.attribution import Floats, Reason, attribute
from libs.common.models.base import Classifier, Probabilities
from libs.common.models.cascade import CascadeClassifier
from libs.common.models.tabular import TabularClassifier

_WORD = re.compile(r"\w{3,}")
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Explanation:
    """The strongest reasons first. ``margin`` is what they explain: see `margins`; of all linear ones it is the sum."""

    method: Literal["linear", "occlusion"]
    margin: float
    reasons: tuple[Reason, ...]


def explain(classifier: Classifier, email: Email, label: str, reasons: int, occlusions: int) -> Explanation:
    """At most ``reasons`` reasons for ``label``, found where need be by predicting ``email`` again ``occlusions`` times."""
    column = classifier.labels.index(label)
    linear = _linear_part(classifier, email)
    if linear is None:
        margin, found = occlude(classifier, email, column, occlusions)
    else:
        margin, found = margins(linear.predict([email]), column)[0], attribute(linear, email, column)
    strongest = sorted((reason for reason in found if reason.weight), key=lambda reason: -abs(reason.weight))
    return Explanation("occlusion" if linear is None else "linear", float(margin), tuple(strongest[:reasons]))


def margins(probabilities: Probabilities, column: int) -> Floats:
    """(n,) the log-probability of the label in ``column`` above the mean of the others' (n, k)."""
    logs = np.log(np.maximum(probabilities, _LEAST))
    others = np.delete(logs, column, axis=1)
    return logs[:, column] - (others.mean(axis=1) if others.shape[1] else 0.0)


def occlude(classifier: Classifier, email: Email, column: int, occlusions: int) -> tuple[float, list[Reason]]:
    """The margin of the label in ``column``, and by how much it falls without the attachments and without each word.

    Zeiler & Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, on words: the first ``occlusions``
    different ones of three letters and more, for a network reads the beginning of a mail. All are read as plain text.
    """
    plain = _as_plain(email, clean(email))
    words = list(dict.fromkeys(_WORD.findall(f"{plain.subject}\n{plain.body}".lower())))[:occlusions]
    without = [_without(plain, word) for word in words]
    lone = [replace(plain, attachments=())] if plain.attachments else []
    found = margins(classifier.predict([plain, *without, *lone]), column)
    fallen = (found[0] - found[1:]).tolist()
    reasons = [Reason("word", word, weight) for word, weight in zip(words, fallen, strict=False)]
    return float(found[0]), reasons + [Reason("attachments", "", weight) for weight in fallen[len(words) :]]


def _linear_part(classifier: Classifier, email: Email) -> TabularClassifier | None:
    if isinstance(classifier, CascadeClassifier) and not classifier.escalated([email])[0]:
        classifier = classifier.light
    return classifier if isinstance(classifier, TabularClassifier) else None


def _as_plain(email: Email, cleaned: CleanEmail) -> Email:
    quoted = "".join(f"\n> {line}" for line in cleaned.quoted.splitlines())
    return replace(email, subject=cleaned.subject, body=(cleaned.text + quoted)[:MAX_CHARS], is_html=False)


def _without(email: Email, word: str) -> Email:
    whole = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
    return replace(email, subject=whole.sub(" ", email.subject), body=whole.sub(" ", email.body))
