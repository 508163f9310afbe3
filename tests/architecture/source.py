"""The Python files of this checkout, parsed once, and what the architecture tests ask of them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
ROOMS = ("libs", "apps", "flows")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """How long the file is."""
        return self.text.count("\n")

    @property
    def module(self) -> str:
        """Its dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    def imports(self, *, module_level: bool = False) -> Iterator[tuple[str, int]]:
        """(top-level package, line) of every absolute import; optionally only of those that run at import."""
        nodes = _run_at_import(self.tree) if module_level else ast.walk(self.tree)
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0], node.lineno


@cache
def tracked_files() -> tuple[str, ...]:
    """Every file that git tracks or would track, sorted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(path for path in listing.splitlines() if (REPO / path).is_file()))


@cache
def all_sources() -> tuple[Source, ...]:
    """Every Python file of the repository."""
    paths = [path for path in tracked_files() if path.endswith(".py")]
    texts = {path: (REPO / path).read_text() for path in paths}
    return tuple(Source(path, text, ast.parse(text, path)) for path, text in texts.items())


@cache
def product_sources() -> tuple[Source, ...]:
    """The files of the product itself: libs, apps and flows."""
    return tuple(source for source in all_sources() if source.path.partition("/")[0] in ROOMS)


def _run_at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _guards_types(node):
            continue
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)]


def _guards_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
