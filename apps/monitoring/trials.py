"""Prediction events and feedback as arrays for a test to weigh: whose a request was, its odds, and whether it went badly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.common.domain.triage import Feedback, Outcome, PredictionEvent, Variant


@dataclass(frozen=True, slots=True)
class Trial:
    """Requests in the order in which their outcomes became known; arrays of one entry a request.

    ``shares`` is the candidate's share of traffic when each was routed, 0…1.
    """

    candidate: NDArray[np.bool_]
    shares: NDArray[np.float64]
    bad: NDArray[np.bool_]

    @classmethod
    def of(cls, requests: Sequence[PredictionEvent], bad: Sequence[bool]) -> "Trial":
        """The trial of requests whose traffic was split."""
        return cls(
            candidate=np.array([assigned_to_candidate(event) for event in requests], dtype=bool),
            shares=np.array([event.candidate_weight for event in requests], dtype=float),
            bad=np.array(bad, dtype=bool),
        )

    @classmethod
    def mirrored(cls, bad: Sequence[bool]) -> "Trial":
        """The trial of requests that the candidate also answered, unheard."""
        return cls(
            candidate=np.ones(len(bad), dtype=bool),
            shares=np.ones(len(bad)),
            bad=np.array(bad, dtype=bool),
        )


@dataclass(frozen=True, slots=True)
class Labelled:
    """A request and the right label for it."""

    event: PredictionEvent
    feedback: Feedback

    @property
    def wrong(self) -> bool:
        """Whether the answer that was given is not the right label."""
        return self.event.label != self.feedback.label

    @property
    def mirror_wrong(self) -> bool:
        """Whether the candidate's unheard answer is not the right label."""
        return self.event.mirror_label != self.feedback.label


def assigned_to_candidate(event: PredictionEvent) -> bool:
    """Whether the candidate was asked first: a fallback is stable's answer but the candidate's failure."""
    return event.variant is Variant.CANDIDATE or event.outcome is Outcome.FALLBACK


def draws(labelled: Iterable[Labelled]) -> list[Labelled]:
    """The first label of each traffic bucket: a mail sent again goes the same way and is as hard, so it is no new draw."""
    first: dict[int | str, Labelled] = {}
    for pair in labelled:
        bucket = pair.event.traffic_bucket
        first.setdefault(pair.event.request_id if bucket is None else bucket, pair)
    return list(first.values())


def join_feedback(events: Iterable[PredictionEvent], feedback: Iterable[Feedback]) -> list[Labelled]:
    """Requests with their label, in the order in which the labels came; of several for one request the first counts."""
    by_request = {event.request_id: event for event in events}
    joined: dict[str, Labelled] = {}
    for given in sorted(feedback, key=lambda given: (given.at, given.request_id, given.reporter)):
        if (event := by_request.get(given.request_id)) and event.model == given.model:
            joined.setdefault(given.request_id, Labelled(event, given))
    return list(joined.values())
