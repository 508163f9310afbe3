"""The tree of README.md: reads it, and draws the real one in its place (`make tree`).

A line is `ENTRY  phrase` or `ENTRY · ENTRY · …`. An entry is `folder/`, `file.ext`, or a bare name for `name.py`;
deeper lines belong to the folder above them.
"""

import ast
import re
from pathlib import PurePosixPath

from tests.architecture.source import REPO, ROOMS, tracked_files

WIDTH = 110
LONGEST_PHRASE = 80
README = REPO / "README.md"
BLOCK = re.compile(r"(^## Tree\n.*?^```\w*\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)

# As the lifecycle reads; what is not named here follows by the alphabet.
ROOMS_IN_ORDER = ["config", "libs", "apps", "training", "serving", "monitoring", "console", "flows"]
ORDER = [*ROOMS_IN_ORDER, "clusters", "local", "demo", "staging", "production", "tests", "unit", "bench", "docs"]
# Folders that have no docstring to speak for them.
PHRASES = {
    "config/": "one YAML per block of the specification, same root keys and values, plus platform.yaml",
    "config/corpora/": "how a corpus is read: columns, labels, what must not reach the features",
    "apps/": "Ray applications",
    "clusters/": "where it runs, no Python; each environment is an overlay of differences from config/",
    "clusters/local/": "one machine, embedded stores; the default",
    "clusters/demo/": "local with time compressed",
    "clusters/kuberay/": "RayService and RayJob",
    "clusters/nginx/": "the public face",
    "clusters/observability/": "Prometheus rules",
    "tests/": "what `make test` runs",
    "tests/architecture/": "floors, sizes, import cost, this tree, config = specification, docs = product",
    "tests/unit/": "mirrors the tree; no Ray, no network",
    "tests/integration/": "the real services",
    "tests/e2e/": "one file per journey",
    "tests/chaos/": "what happens when things are killed",
    "bench/": "reproducible benchmarks",
    "bench/results/": "their figures",
    "docs/": "architecture, operations, API, CLI, gates",
    "docs/adr/": "decisions, one page each",
    "docs/runbooks/": "what to do when an alert fires",
}


def read_tree(text: str) -> set[str]:
    """Every path that a drawn tree names; folders end with a slash."""
    paths: set[str] = set()
    parents: list[tuple[int, str]] = [(-1, "")]
    for line in filter(str.strip, text.splitlines()):
        indent = len(line) - len(line.lstrip())
        while parents[-1][0] >= indent:
            parents.pop()
        entries = re.split(r"\s{2,}", line.strip())[0].split(" · ")
        named = [parents[-1][1] + (entry if entry.endswith("/") or "." in entry else f"{entry}.py") for entry in entries]
        paths.update(named)
        if named[-1].endswith("/"):
            parents.append((indent, named[-1]))
    return paths


def readme_tree() -> str:
    """The fenced block below the heading `## Tree` of README.md."""
    if match := BLOCK.search(README.read_text()):
        return match[2]
    raise LookupError("README.md: no fenced block below '## Tree'; write one and run `make tree`")


def real_tree() -> set[str]:
    """What a tree must name: every module and folder of the rooms, and all other folders down to the second level."""
    paths: set[str] = set()
    for path in map(PurePosixPath, tracked_files()):
        if path.parts[0].startswith("."):
            continue
        room = path.parts[0] in ROOMS
        folders = path.parts[:-1] if room else path.parts[:-1][:2]
        paths.update("/".join(folders[: depth + 1]) + "/" for depth in range(len(folders)))
        if room and path.suffix == ".py" and path.name != "__init__.py":
            paths.add(str(path))
    return paths


def draw(paths: set[str], parent: str = "", depth: int = 0) -> list[str]:
    """The lines of the tree below ``parent``: its modules first, then its folders with a phrase on each."""
    children = sorted((path for path in paths if path != parent and path.startswith(parent)), key=_rank)
    own = [path for path in children if "/" not in path.removeprefix(parent).rstrip("/")]
    modules = [path.removeprefix(parent).removesuffix(".py") for path in own if not path.endswith("/")]
    lines = _wrap(modules, "  " * depth)
    for folder in (path for path in own if path.endswith("/")):
        lines.append(f"{'  ' * depth + folder.removeprefix(parent):<22}  {phrase_of(folder)}".rstrip())
        lines += draw(paths, folder, depth + 1)
    return lines


def phrase_of(folder: str) -> str:
    """What lies in a folder: the first sentence of its package, cut short at a colon, else its phrase in the table."""
    package = REPO / folder / "__init__.py"
    docstring = ast.get_docstring(ast.parse(package.read_text())) if package.exists() else None
    if not docstring:
        return PHRASES.get(folder, "")
    sentence = re.split(r"\.(?:\s|$)|\n", docstring)[0].replace("``", "`")
    return sentence if len(sentence) <= LONGEST_PHRASE else re.split("[:;(]", sentence)[0].strip()


def _rank(path: str) -> tuple[int, str]:
    name = PurePosixPath(path).name
    return (ORDER.index(name) if path.endswith("/") and name in ORDER else len(ORDER)), path


def _wrap(names: list[str], indent: str) -> list[str]:
    lines: list[str] = []
    for name in names:
        if lines and len(lines[-1]) + len(name) + 3 <= WIDTH:
            lines[-1] += f" · {name}"
        else:
            lines.append(indent + name)
    return lines


def main() -> None:
    """Draw the real tree into README.md."""
    tree = "\n".join(draw(real_tree())) + "\n"
    README.write_text(BLOCK.sub(lambda match: match[1] + tree + match[3], README.read_text()))


if __name__ == "__main__":
    main()
