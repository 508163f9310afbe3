"""What a compute profile makes of the machines that are there: workers, threads, a GPU or not, and the cost. Pure."""

from dataclasses import dataclass
from typing import Any, TypeVar

from libs.common.config.section import Section
from libs.common.config.training import ComputeProfile, Families, Summarizers, Training

# A family that has no machines of its own is fitted on those of another.
_FITTED_AS = {"cascade": "transformer"}

SectionT = TypeVar("SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class Machines:
    """What Ray has to give: logical CPUs and GPUs of all nodes together."""

    cpus: int
    gpus: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Compute:
    """On what one family is fitted: instances of a profile, as the options of the family take them."""

    profile: ComputeProfile
    options: Section

    @property
    def usd_per_hour(self) -> float:
        """What all instances of the fit cost together."""
        return self.profile.usd_per_hour * getattr(self.options, "workers", 1)

    @property
    def params(self) -> dict[str, Any]:
        """What is logged of it."""
        options = self.options.model_dump()
        used = {name: options[name] for name in ("workers", "threads_per_worker", "use_gpu") if name in options}
        return {"instance_type": self.profile.instance_type, "storage_bytes": self.profile.storage, **used}


def on_machines(training: Training, profile: ComputeProfile, there: Machines) -> Training:
    """The section with each family's options as they can be had."""
    fitted = {
        "families": fit_to(training.families, profile, there),
        "summarizers": fit_to(training.summarizers, profile, there),
    }
    return training.model_copy(update=fitted)


def fit_to(families: SectionT, profile: ComputeProfile, there: Machines) -> SectionT:
    """Each family's options as they can be had: a worker is an instance, the profile's at most.

    A profile that scales has a worker on every node, or every GPU where one is used; any other as many as the family says.
    No family takes more threads than its workers have CPUs.
    """
    options = {name: getattr(families, name) for name in type(families).model_fields}
    fitted = {name: _fit(own, profile, there) for name, own in options.items() if isinstance(own, Section)}
    return families.model_copy(update=fitted)


def compute_of(family: str, families: Families | Summarizers, profile: ComputeProfile) -> Compute:
    """On what ``family`` is fitted; a cascade on what its transformer is."""
    return Compute(profile, getattr(families, _FITTED_AS.get(family, family)))


def _fit(options: Section, profile: ComputeProfile, there: Machines) -> Section:
    use_gpu = getattr(options, "use_gpu", False) and there.gpus > 0
    places = there.gpus if use_gpu else there.nodes
    workers = min(places if profile.auto_scaling else getattr(options, "workers", 1), profile.max_instances)
    threads = min(getattr(options, "threads_per_worker", 1), max(1, there.cpus // workers))
    chosen: dict[str, Any] = {"workers": workers, "threads_per_worker": threads, "use_gpu": use_gpu}
    return options.model_copy(update={name: value for name, value in chosen.items() if name in type(options).model_fields})
