"""What of an answer may be written down: numbers and categories. A summarizer's line is content, and never is (ADR 14)."""

from collections import Counter

from libs.common.domain.triage import Escalated, Prediction, Said

# Two lines are alike where they share at least half of their words, as ROUGE-1 counts them.
_ALIKE = 0.5
# What stands in an event's ``mirror_label`` where the candidate's line was another.
OTHER_LINE = "other line"


def label_of(said: Said) -> str:
    """The category; empty where a summarizer answered."""
    return said.label if isinstance(said, Prediction) else ""


def confidence_of(said: Said) -> float:
    """The probability of the category; 0 where a summarizer answered."""
    return said.confidence if isinstance(said, Prediction) else 0.0


def probabilities_of(said: Said) -> dict[str, float]:
    """The probability of each category; of a line none."""
    return said.probabilities if isinstance(said, Prediction) else {}


def escalation_of(said: Said) -> Escalated:
    """What a second stage had to do with it; a summarizer has none."""
    return said.escalation if isinstance(said, Prediction) else Escalated.NONE


def figures_of(said: Said) -> dict[str, float]:
    """Of a line how many words it has: a summarizer that falls silent shows. Of a category nothing beside itself."""
    return {} if isinstance(said, Prediction) else {"summary_words": float(len(said.text.split()))}


def fit_to_keep(said: Said) -> bool:
    """Whether the same content may get this answer again: not where there is a better one, once there is room."""
    return escalation_of(said) is not Escalated.SHED


def mirrored_label(stable: Said, candidate: Said) -> str:
    """The candidate's category; of a line stable's own (empty) label where the two are alike, else `OTHER_LINE`."""
    if isinstance(stable, Prediction) or isinstance(candidate, Prediction):
        return label_of(candidate)
    return "" if likeness(stable.text, candidate.text) >= _ALIKE else OTHER_LINE


def likeness(first: str, second: str) -> float:
    """The F-measure of the words that two lines share, each word as often as both have it; 1 where both are empty."""
    one, other = Counter(first.lower().split()), Counter(second.lower().split())
    if not one and not other:
        return 1.0
    return 2 * (one & other).total() / (one.total() + other.total())
