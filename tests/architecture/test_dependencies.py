"""Everything installed is pinned, and everything imported is declared."""

import re
import sys
import tomllib
from importlib.metadata import distributions, packages_distributions

from tests.architecture.source import REPO, ROOMS, product_sources

# What `python -m venv` itself brings; and this project.
UNPINNED = {"pip", "triage"}


def normalised(name: str) -> str:
    """The name of a distribution as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """The versions of constraints.txt by distribution."""
    lines = [line for line in (REPO / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {normalised(name): version for name, _, version in (line.partition("==") for line in lines)}


def declared() -> set[str]:
    """The distributions that pyproject.toml asks for."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    return {normalised(re.split(r"[\[<>=~!; ]", wanted)[0]) for wanted in project["dependencies"]}


def test_every_installed_distribution_is_pinned_to_its_version() -> None:
    installed = {normalised(found.name): found.version.partition("+")[0] for found in distributions()}
    assert len(installed) > 200
    known = pins()
    wrong = {name: (version, known.get(name)) for name, version in installed.items() if known.get(name) != version}
    assert not {name: found for name, found in wrong.items() if name not in UNPINNED}, "(installed, pinned)"


def test_every_imported_library_is_declared() -> None:
    providers = packages_distributions()
    imported = (
        {name for source in product_sources() for name, _ in source.imports()}
        - sys.stdlib_module_names
        - {*ROOMS, "__future__"}
    )
    undeclared = {
        name: providers.get(name) for name in imported if not {normalised(p) for p in providers.get(name, ())} & declared()
    }
    assert not undeclared, "add these to the dependencies of pyproject.toml"
