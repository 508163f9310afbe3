from typing import Any

import pytest
from pydantic import PositiveInt, ValidationError

from libs.common.config.loader import load_config
from libs.common.config.section import Section
from libs.common.config.spaces import Candidates, faults_in, laid_over
from libs.common.config.training import with_options
from libs.common.errors import ConfigError


class Trees(Section):
    depth: PositiveInt
    rate: float
    encoder: str
    exact: bool


TREES = Trees(depth=4, rate=0.1, encoder="small", exact=True)


def faults(**space: Any) -> list[str]:
    candidates = {name: Candidates.model_validate(written) for name, written in space.items()}
    return list(faults_in(candidates, TREES, "search.trees.space", "families.trees"))


def test_a_space_that_the_section_takes_has_no_fault() -> None:
    assert (
        faults(depth={"low": 1, "high": 8}, rate={"low": 0.01, "high": 1, "log": True}, encoder={"choices": ["small", "large"]})
        == []
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "write low and high, or choices"),
        ({"low": 1}, "write low and high, or choices"),
        ({"low": 1, "high": 2, "choices": [1, 2]}, "not both"),
        ({"choices": [1, 1]}, "one value is no choice"),
        ({"low": 3, "high": 3}, "low 3 must be below high 3"),
        ({"low": 0, "high": 3, "log": True}, "above 0 on a logarithmic scale"),
        ({"low": 0, "high": 3, "step": 2}, "step"),
    ],
)
def test_what_is_no_range_and_no_choice_is_refused(written: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Candidates.model_validate(written)


def test_every_fault_of_a_space_is_said_at_once() -> None:
    found = faults(
        dept={"low": 1, "high": 8},
        depth={"low": 0, "high": 2.5},
        rate={"low": 0.2, "high": 0.3},
        encoder={"low": 0, "high": 1},
        exact={"low": 0, "high": 1},
    )
    assert [fault.partition(":")[0] for fault in found] == [
        f"search.trees.space.{name}" for name in ("dept", "depth", "depth", "rate", "encoder", "exact")
    ]
    said = "\n".join(found)
    assert "dept: is no option of families.trees; there are depth, rate, encoder, exact" in said
    assert "found 0.0: Input should be greater than 0" in said and "found 2.5: Input should be a valid integer" in said
    assert "rate: does not hold 0.1, which families.trees.rate has" in said
    assert "encoder: 'small' is no number" in said and "exact: True is no number" in said


def test_options_laid_over_a_section_are_checked_as_the_section_is() -> None:
    assert laid_over(TREES, {"depth": 6, "rate": 0.3}, "trees") == Trees(depth=6, rate=0.3, encoder="small", exact=True)
    with pytest.raises(ConfigError) as raised:
        laid_over(TREES, {"depth": 0, "leaves": 3}, "families.trees")
    assert [fault.partition(":")[0] for fault in raised.value.faults] == ["families.trees.depth", "families.trees.leaves"]


def test_options_replace_those_of_one_family_only() -> None:
    training = load_config("local").training
    changed = with_options(training, "tabular", {"max_terms": 5000})
    assert changed.families.tabular == training.families.tabular.model_copy(update={"max_terms": 5000})
    assert changed.families.transformer == training.families.transformer
    assert changed.search == training.search
