"""The floors hold: the contracts of .importlinter, no circle between modules, and heavy libraries only where they are used."""

import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.architecture.source import REPO, ROOMS, Source, product_sources

HEAVY = {"torch", "transformers", "xgboost", "sklearn", "mlflow", "evidently", "peft", "onnxruntime", "pandera", "matplotlib"}
HEAVY |= {"ray", "prefect", "skops", "onnx", "onnxscript", "dvc", "tokenizers", "optuna"}

# Whose one job a library is: the path, or the folder, and what may be imported there at module level.
OWNERS: dict[str, set[str]] = {
    "flows/": {"prefect"},
    "apps/training/datasets/stream.py": {"ray"},
    "apps/training/fitting/lean_trainer.py": {"ray"},
    "apps/training/search/tuning.py": {"ray"},
}


def test_every_contract_of_the_import_linter_is_kept() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_takes_part_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imported) > 10
    TopologicalSorter(imported).prepare()


def owned_by(path: str) -> set[str]:
    """The heavy libraries that ``path`` may import at module level."""
    return {name for owner, names in OWNERS.items() if path.startswith(owner) for name in names}


@pytest.mark.parametrize("source", product_sources(), ids=lambda source: source.path)
def test_heavy_libraries_are_imported_inside_functions(source: Source) -> None:
    heavy = HEAVY - owned_by(source.path)
    found = [f"line {line}: {name}" for name, line in source.imports(module_level=True) if name in heavy]
    assert not found, f"{source.path} imports at module level {', '.join(found)}; import it inside the function that needs it"


def test_the_table_of_owners_names_only_real_imports() -> None:
    real = {
        (owner, name)
        for owner in OWNERS
        for source in product_sources()
        if source.path.startswith(owner)
        for name, _ in source.imports(module_level=True)
    }
    assert {(owner, name) for owner, names in OWNERS.items() for name in names} <= real
