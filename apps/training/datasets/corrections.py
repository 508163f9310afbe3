"""What users' corrections changed: the label that they gave each e-mail, beside the one that a model had answered."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from apps.training.datasets.leaks import finding
from apps.training.reading.feedback import row_name
from libs.common.domain.dataset import Finding
from libs.common.domain.triage import Feedback
from libs.common.stores.predictions import PredictionLog

CORRECTED = "corrections"
# The prediction log is read from so long before the first of the corrections: people answer within days.
_LONGEST_DELAY = timedelta(days=30)
_NAMED_CHANGES = 5

Answers = Callable[[Sequence[Feedback]], Mapping[str, str]]


def answers_in(log: PredictionLog, corrections: Iterable[Feedback]) -> dict[str, str]:
    """Request id → the label that was answered, as far as the log still holds it."""
    by_model: dict[str, list[Feedback]] = {}
    for given in corrections:
        by_model.setdefault(given.model, []).append(given)
    return dict(answer for model, given in by_model.items() for answer in _answered(log, model, given))


def corrected(corrections: Sequence[Feedback], answers: Mapping[str, str]) -> list[Finding]:
    """One finding that counts the changed labels, and names the rows of their e-mails; none where nobody said anything."""
    if not corrections:
        return []
    known = [given for given in corrections if given.request_id in answers]
    changed = [given for given in known if answers[given.request_id] != given.label]
    moves = Counter(f"{answers[given.request_id]} → {given.label}" for given in changed)
    named = ", ".join(f"{move} {count}" for move, count in moves.most_common(_NAMED_CHANGES))
    said = f"of {len(known)} answers that users looked at, they changed {len(changed)}{f' ({named})' if named else ''}"
    if lost := len(corrections) - len(known):
        said = f"{said}; {lost} more answers are not in the prediction log"
    return [finding(CORRECTED, said, [row_name(given.request_id) for given in changed])]


def _answered(log: PredictionLog, model: str, given: Sequence[Feedback]) -> Iterator[tuple[str, str]]:
    wanted = {one.request_id for one in given}
    times = [one.at for one in given]
    for event in log.events(model, min(times) - _LONGEST_DELAY, max(times)):
        if event.request_id in wanted and event.label:
            yield event.request_id, event.label
