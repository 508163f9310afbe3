"""What may be tried of a family's options, and whether the family's own section would take it."""

from collections.abc import Iterator, Mapping
from typing import Self, TypeVar

from pydantic import Field, PositiveInt, ValidationError, model_validator

from libs.common.config.section import Section
from libs.common.domain.search import Scalar
from libs.common.errors import ConfigError


class Candidates(Section):
    """The values of one option: from ``low`` to ``high``, on a logarithmic scale where ``log``; or one of ``choices``."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Scalar, ...] = ()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.choices:
            if self.low is not None or self.high is not None or self.log:
                raise ValueError("write low and high, or choices, not both")
            if len(set(self.choices)) < 2:
                raise ValueError("one value is no choice; write two or more that differ")
        elif self.low is None or self.high is None:
            raise ValueError("write low and high, or choices")
        elif not self.low < self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        elif self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} must be above 0 on a logarithmic scale")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """(low, high); None where there are choices."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def extremes(self) -> tuple[Scalar, ...]:
        """The values which, if a section takes them, it takes all that lie between."""
        return self.bounds or self.choices

    def hold(self, value: Scalar) -> bool:
        """Whether a value is among them."""
        if self.bounds is None:
            return value in self.choices
        return not isinstance(value, bool | str) and self.bounds[0] <= value <= self.bounds[1]


Space = Mapping[str, Candidates]
AnySection = TypeVar("AnySection", bound=Section)


class FamilySearch(Section):
    """How many configurations of a family are tried, the configured one included, and what may vary."""

    trials: PositiveInt
    space: dict[str, Candidates] = Field(min_length=1)


def laid_over(section: AnySection, options: Mapping[str, Scalar], where: str) -> AnySection:
    """A section with some options replaced; ConfigError for those that it does not take, ``where`` being its key."""
    try:
        return section.model_validate({**section.model_dump(), **options})
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise ConfigError(
            [f"{where}.{fault['loc'][0]}: found {fault['input']!r}: {fault['msg']}" for fault in faults]
        ) from error


def faults_in(space: Space, section: Section, where: str, configured: str) -> Iterator[str]:
    """Every option that ``section`` does not have or would not take; ``where`` and ``configured`` are the keys of both."""
    known = type(section).model_fields
    for name, candidates in space.items():
        key = f"{where}.{name}"
        if name not in known:
            yield f"{key}: is no option of {configured}; there are {', '.join(known)}"
            continue
        value = getattr(section, name)
        if candidates.bounds and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield f"{key}: {value!r} is no number; write choices in place of low and high"
            continue
        refusals = [fault for tried in candidates.extremes for fault in _refusals(section, name, tried, key)]
        yield from refusals
        if not refusals and not candidates.hold(value):
            yield f"{key}: does not hold {value!r}, which {configured}.{name} has; widen it, or change that"


def _refusals(section: Section, name: str, value: Scalar, key: str) -> tuple[str, ...]:
    try:
        laid_over(section, {name: value}, key.rpartition(".")[0])
    except ConfigError as error:
        return error.faults
    return ()
