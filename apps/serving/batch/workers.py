"""The pool of actors that make parts: Ray Data deals out the parts, each actor holds the model, and only tallies come back."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.serving.batch.part_files import write_part
from apps.serving.batch.plan import Manifest, Tally
from apps.serving.batch.stretches import triage_stretch
from apps.serving.loading import LoadedModel
from apps.serving.replica import load_from_store
from apps.serving.settings import ReplicaSettings
from libs.common.config.model_serving import Offline
from libs.common.domain.model import ModelRef
from libs.common.errors import TriageError
from libs.common.sources.raw_mail import RawStretch
from libs.common.stores.objects import Objects, open_objects

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy

# The next part waits at the actor, so that it is never idle; more would be dealt to one while another has none.
_PARTS_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every actor must know: which model, how to get it, what is made of the e-mails, where that goes, who goes first."""

    ref: ModelRef
    settings: ReplicaSettings
    manifest: Manifest
    out: str
    niceness: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the plan, and the mail that it reads."""

    number: int
    stretch: RawStretch


class PartWorker:
    """An actor: loads the model once, verified as serving does, then makes part after part."""

    def __init__(self, assignment: Assignment) -> None:
        # Of this thread and those that it begins, which are all that compute here.
        os.setpriority(os.PRIO_PROCESS, 0, max(assignment.niceness, os.getpriority(os.PRIO_PROCESS, 0)))
        self._assignment = assignment
        self._ready: tuple[LoadedModel, Objects] | TriageError
        # An error of ours is handed back: of what is raised here, Ray would tell in a text, and start the actor again.
        try:
            self._ready = load_from_store(assignment.ref, assignment.settings), open_objects(assignment.out)
        except TriageError as error:
            self._ready = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Tally | TriageError]]:
        """Make the parts of ``batch``: each its tally, or why it cannot be. One that is made again gets the same bytes."""
        return {"made": [self._make(part) for part in batch["item"]]}

    def _make(self, part: Part) -> Tally | TriageError:
        if isinstance(self._ready, TriageError):
            return self._ready
        (model, out), manifest = self._ready, self._assignment.manifest
        batches = triage_stretch(part.stretch, part.number, manifest.columns, model.predict, manifest.batch_size)
        try:
            return write_part(out, manifest, part.number, batches)
        except TriageError as error:
            return error


def make_parts(parts: Sequence[Part], assignment: Assignment, offline: Offline) -> Iterator[Tally]:
    """Make all parts on Ray, and tell of each as it is done; without a part no Ray is asked for.

    What is wrong with the model, the source or the folder is raised as the TriageError that it was at the actor.
    """
    if not parts:
        return
    import ray.data
    from ray.exceptions import RayError

    from libs.common.stores.orchestrator import join_or_start_ray, own_error, quiet_data

    join_or_start_ray()
    quiet_data()
    # Of all its stages this is the only one that books CPUs: two that wait for each other's would wait for ever.
    made = ray.data.from_items(list(parts), override_num_blocks=len(parts)).map_batches(
        PartWorker,
        fn_constructor_args=(assignment,),
        batch_size=1,
        compute=_pool(len(parts), offline.workers),
        num_cpus=offline.logical_cpus,
    )
    try:
        for row in made.iter_rows():
            if isinstance(row["made"], TriageError):
                raise row["made"]
            yield row["made"]
    except RayError as error:
        raise own_error(error, "triaging the source") from error


def _pool(parts: int, workers: int) -> "ActorPoolStrategy":
    """So many actors, else one a core; on a cluster as many as there is room for."""
    from ray.data import ActorPoolStrategy

    from libs.common.stores.orchestrator import most_at_once

    size = min(workers, parts) or most_at_once(parts)
    if size:
        return ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=_PARTS_IN_FLIGHT)
    return ActorPoolStrategy(min_size=1, max_size=parts, max_tasks_in_flight_per_actor=_PARTS_IN_FLIGHT)
