"""The holdout cut by what an e-mail is, and how a classifier does on each piece. Pure.

A piece is worse than the rest where Fisher's exact test says so at family-wise 1 % (Holm) over all pieces.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.training.evaluation.evaluate import Evaluation
from apps.training.fitting.examples import Examples
from libs.common.errors import ConfigError
from libs.common.features.drift_features import monitored_features
from libs.common.stats import metrics
from libs.common.stats.drift import holm
from libs.common.stats.intervals import wilson_interval

OTHER, UNKNOWN = "other", "unknown"
# Below this an interval spans a third of all there is to say; and a rare domain may be one person's.
_FEWEST, _MOST_NAMED = 20, 8
_ALPHA = 0.01
_WITHIN_SOURCE = re.compile(r"[#/][^#/]*$")
_ANSWER = re.compile(r"(?:re|aw|sv|antw)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SliceFigure:
    """One piece: its rows, how many answers are right, with the 95 % bounds of the share; whether it is worse than the rest."""

    attribute: str
    group: str
    count: int
    accuracy: metrics.Interval
    macro_f1: float
    worse: bool


def slice_groups(examples: Examples) -> dict[str, tuple[str, ...]]:
    """Attribute → the group of each row; what is rare is ``other``."""
    return {name: _commonest(groups(examples), _MOST_NAMED) for name, groups in _ATTRIBUTES.items()}


def protected_groups(examples: Examples, attributes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """As `slice_groups`, for the given attributes and with every group of 20 rows or more."""
    return {name: _commonest(_ATTRIBUTES[name](examples), None) for name in attributes}


def require_attributes(names: Sequence[str]) -> None:
    """ConfigError where one of the protected attributes is none that e-mails are grouped by."""
    known = f"write some of {', '.join(_ATTRIBUTES)}"
    if unknown := [name for name in names if name not in _ATTRIBUTES]:
        raise ConfigError(
            [f"monitoring.yaml: model_bias_monitoring.protected_attributes: there is no '{name}', {known}" for name in unknown]
        )


def slice_figures(evaluation: Evaluation, groups: Mapping[str, Sequence[str]]) -> tuple[SliceFigure, ...]:
    """A figure for each group of each attribute that has two groups or more, the attributes in their order."""
    members = {
        (attribute, group): np.asarray(of_rows) == group
        for attribute, of_rows in groups.items()
        if len(set(of_rows)) > 1
        for group in sorted(set(of_rows))
    }
    names = {f"{attribute}: {group}": (attribute, group) for attribute, group in members}
    worse = holm({name: _p_worse(evaluation.right, members[key]) for name, key in names.items()}, _ALPHA)
    return tuple(_figure(evaluation, *key, members[key], name in worse) for name, key in names.items())


def _figure(evaluation: Evaluation, attribute: str, group: str, inside: NDArray[np.bool_], worse: bool) -> SliceFigure:
    right = evaluation.right[inside]
    bounds = wilson_interval(int(right.sum()), len(right))
    accuracy = metrics.Interval(float(right.mean()), bounds.low, bounds.high)
    counts = metrics.confusion(evaluation.truth[inside], evaluation.predicted[inside], len(evaluation.classes))
    return SliceFigure(attribute, group, len(right), accuracy, float(metrics.macro_f1(counts)), worse)


def _p_worse(right: NDArray[np.bool_], inside: NDArray[np.bool_]) -> float:
    """How likely so few right answers are inside, were they spread by chance (Fisher's exact test, one-sided)."""
    from scipy.stats import hypergeom

    return float(hypergeom.cdf(int(right[inside].sum()), len(right), int(right.sum()), int(inside.sum())))


def _commonest(groups: Sequence[str], most: int | None) -> tuple[str, ...]:
    counts = Counter(groups)
    named = {group for group, count in counts.most_common(most) if count >= _FEWEST}
    return tuple(group if group in named else OTHER for group in groups)


def _lengths(examples: Examples) -> list[str]:
    """Thirds by the characters of the body, as traffic is measured."""
    chars = np.array([monitored_features(email)["body_chars"] for email in examples.emails])
    low, high = np.quantile(chars, [1 / 3, 2 / 3]) if len(chars) else (0.0, 0.0)
    names = (f"to {low:,.0f} characters", f"{low:,.0f} to {high:,.0f} characters", f"over {high:,.0f} characters")
    return [names[int(many > low) + int(many > high)] for many in chars]


def _positions(examples: Examples) -> list[str]:
    emails = examples.emails
    answers = (email.thread_id not in ("", email.message_id) or _ANSWER.match(email.subject.lstrip()) for email in emails)
    return ["reply" if answer else "first" for answer in answers]


_ATTRIBUTES: dict[str, Callable[[Examples], list[str]]] = {
    "sender_domain": lambda examples: [email.sender_domain or UNKNOWN for email in examples.emails],
    "email_length": _lengths,
    "language": lambda examples: [origin.language or UNKNOWN for origin in examples.origins] or [UNKNOWN] * len(examples),
    "source": lambda examples: (
        [_WITHIN_SOURCE.sub("", origin.source) or UNKNOWN for origin in examples.origins] or [UNKNOWN] * len(examples)
    ),
    "thread_position": _positions,
    "attachment": lambda examples: ["with" if email.attachments else "without" for email in examples.emails],
}
# The names of what e-mails are grouped by.
ATTRIBUTES = tuple(_ATTRIBUTES)
