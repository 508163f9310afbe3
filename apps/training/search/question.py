"""What a search is asked: whose options, on which training rows, under which configuration; and the name that this gives it."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from apps.training.fitting.examples import Examples
from apps.training.search.search import Plan
from apps.training.search.trials import Course
from libs.common.config.training import Training
from libs.common.domain.dataset import DatasetVersion
from libs.common.domain.value import Value
from libs.common.errors import DataError, ModelError


class TuneRequest(Value):
    """Whose options are searched; the configured number of ``trials`` where it is 0.

    Made again after a kill, it goes on; after its end, it is answered from what was tried, and more ``trials`` continue it.
    """

    model_name: str = "email_classifier"
    family: str = "tabular"
    seed: int = 0
    trials: int = 0


@dataclass(frozen=True)
class Question:
    """A request, the configuration it meets, and the training rows of a dataset version."""

    request: TuneRequest
    settings: Training
    dataset: DatasetVersion
    train: Examples

    @cached_property
    def plan(self) -> Plan:
        """What is to be tried; ModelError where the family has no space, DataError where there are no folds."""
        search, request = self.settings.search, self.request
        asked = {str(family): one for family, one in search.families.items()}.get(request.family)
        if asked is None:
            known = ", ".join(search.families)
            raise ModelError(f"training.search.families declares no space for '{request.family}'", f"there are {known}")
        course = Course(len(set(self.train.folds)), search.generation, search.reduction)
        if course.folds < 2:
            raise DataError(f"{self.dataset.tag}: the training rows are one fold", "build the dataset with two folds or more")
        section = getattr(self.settings.families, request.family)
        return Plan(asked.space, section, request.trials or asked.trials, course, request.seed)

    @cached_property
    def key(self) -> str:
        """The search's name: a digest of all that decides its answer, the number of trials aside."""
        plan = self.plan
        said = {
            "model": self.request.model_name,
            "family": self.request.family,
            "dataset": [self.dataset.tag, self.dataset.digest],
            "section": plan.section.model_dump(mode="json"),
            "space": {name: candidates.model_dump(mode="json") for name, candidates in plan.space.items()},
            "course": [plan.course.folds, plan.course.generation, plan.course.reduction],
            "seed": plan.seed,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
