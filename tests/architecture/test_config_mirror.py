"""The eleven files of config/ say what the specification says, word for word but for the deviations listed here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.architecture.source import REPO

# key: (what the specification says, what we say, the ADR that decided it)
DEVIATIONS: dict[str, tuple[object, object, str]] = {
    "model_serving.serving_framework": ("TorchServe", "Ray Serve", "0001"),
}


def spec_blocks() -> dict[str, Any]:
    """The YAML blocks of docs/spec.md by root key."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (REPO / "docs/spec.md").read_text(), re.MULTILINE | re.DOTALL)
    return {root: tree for block in blocks for root, tree in yaml.safe_load(block).items()}


def config_file(root: str) -> Any:
    """Everything that config/<root>.yaml says."""
    return yaml.safe_load((REPO / "config" / f"{root}.yaml").read_text())


def differences(spec: Any, ours: Any, key: str) -> Iterator[tuple[str, object, object]]:
    """(key, what the specification says, what we say) wherever ours does not contain the specification's value."""
    if isinstance(spec, dict) and isinstance(ours, dict):
        for name, value in spec.items():
            yield from differences(value, ours.get(name), f"{key}.{name}")
    elif isinstance(spec, list) and isinstance(ours, list) and len(spec) == len(ours):
        for index, (said, found) in enumerate(zip(spec, ours, strict=True)):
            yield from differences(said, found, f"{key}[{index}]")
    elif spec != ours or type(spec) is not type(ours):
        yield key, spec, ours


def test_there_are_eleven_blocks_and_a_file_for_each() -> None:
    blocks = spec_blocks()
    assert len(blocks) == 11
    assert {path.stem for path in (REPO / "config").glob("*.yaml")} == {*blocks, "platform"}


@pytest.mark.parametrize("root", sorted(spec_blocks()))
def test_the_file_has_every_key_and_value_of_its_block(root: str) -> None:
    tree = config_file(root)
    assert list(tree) == [root]
    expected = {key: (spec, ours) for key, (spec, ours, _) in DEVIATIONS.items() if key.startswith(f"{root}.")}
    assert {key: (spec, ours) for key, spec, ours in differences(spec_blocks()[root], tree[root], root)} == expected


@pytest.mark.parametrize("key", DEVIATIONS)
def test_every_deviation_was_decided(key: str) -> None:
    *_, number = DEVIATIONS[key]
    (decision,) = (REPO / "docs/adr").glob(f"{number}-*.md")
    assert key.rpartition(".")[2] in decision.read_text(), f"{decision.name} does not mention {key}"


@pytest.mark.parametrize(
    ("spec", "ours", "key"),
    [
        ({"a": 1}, {}, "r.a"),
        ({"a": 1}, {"a": 2}, "r.a"),
        ({"a": [1, 2]}, {"a": [1]}, "r.a"),
        ({"a": [1]}, {"a": [3]}, "r.a[0]"),
    ],
)
def test_a_difference_is_found_and_named(spec: Any, ours: Any, key: str) -> None:
    assert [found for found, *_ in differences(spec, ours, "r")] == [key]
