"""The pool of actors that make parts: Ray Data deals out the parts, each actor holds the model, and only tallies come back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.serving.batch.part_files import write_part
from apps.serving.batch.plan import Manifest, Tally
from apps.serving.batch.stretches import triage_stretch
from apps.serving.replica import load_from_store
from apps.serving.settings import ReplicaSettings
from libs.common.config.model_serving import Offline
from libs.common.domain.model import ModelRef
from libs.common.sources.raw_mail import RawStretch
from libs.common.stores.objects import open_objects

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy

# The next part waits at the actor, so that it is never idle; more would be dealt to one while another has none.
_PARTS_IN_FLIGHT = 2


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every actor must know: which model, how to get it, what is made of the e-mails and where that goes."""

    ref: ModelRef
    settings: ReplicaSettings
    manifest: Manifest
    out: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the plan, and the mail that it reads."""

    number: int
    stretch: RawStretch


class PartWorker:
    """An actor: loads the model once, verified as serving does, then makes part after part."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._out = open_objects(assignment.out)
        self._model = load_from_store(assignment.ref, assignment.settings)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Make the parts of ``batch``; their tallies as JSON. A part that is made again gets the same bytes."""
        return {"tally": [self._make(part).model_dump_json() for part in batch["item"]]}

    def _make(self, part: Part) -> Tally:
        manifest = self._assignment.manifest
        batches = triage_stretch(part.stretch, part.number, manifest.columns, self._model.predict, manifest.batch_size)
        return write_part(self._out, manifest, part.number, batches)


def make_parts(parts: Sequence[Part], assignment: Assignment, offline: Offline) -> Iterator[Tally]:
    """Make all parts on Ray, and tell of each as it is done; without a part no Ray is asked for."""
    if not parts:
        return
    import ray.data
    from ray.exceptions import RayError

    from libs.common.stores.orchestrator import join_or_start_ray, own_error

    # Here first: what is wrong with a model, Ray would tell of its actors in a text, and no longer as what was raised.
    load_from_store(assignment.ref, assignment.settings)
    join_or_start_ray()
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
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
            yield Tally.model_validate_json(row["tally"])
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
