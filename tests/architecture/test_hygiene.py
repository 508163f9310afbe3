"""What never enters the product: pickles, swallowed exceptions, unfinished places, paths of one machine, missing docstrings."""

import ast
import re

import pytest

from tests.architecture.source import REPO, Source, all_sources, product_sources, tracked_files

PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
# Spelled in two halves, so that this file does not find itself.
UNFINISHED = tuple(
    head + tail for head, tail in (("TO", "DO"), ("FIX", "ME"), ("NotImplemented", "Error"), ("pragma: no ", "cover"))
)
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:home|root|wo" r"rk|o" r"pt)/\w")
TEXT = (".py", ".md", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".txt", ".sh", "Makefile", "run", ".importlinter")
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"}
# Longer than four lines, and why.
LONG_DOCSTRINGS = {
    "apps/training/datasets/rows.py": "names the columns of the files",
    "libs/common/errors.py": "draws the error tree",
    "libs/common/models/artifact.py": "tells how the format is raised",
    "libs/common/stats/sequential.py": "names the sources of its formulas",
}

product = pytest.mark.parametrize("source", product_sources(), ids=lambda source: source.path)


def swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler does nothing at all with what it caught."""
    return all(
        isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in handler.body
    )


def suppresses_everything(node: ast.AST) -> bool:
    """Whether a call is ``suppress(Exception)`` or wider."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "suppress":
        return False
    return bool({ast.unparse(argument) for argument in node.args} & {"Exception", "BaseException"})


@product
def test_nothing_is_pickled(source: Source) -> None:
    assert not PICKLES & {name for name, _ in source.imports()}


@product
def test_no_exception_is_swallowed(source: Source) -> None:
    handlers = [node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler) and swallows(node)]
    suppressions = [node for node in ast.walk(source.tree) if suppresses_everything(node)]
    assert not [f"{source.path}:{node.lineno}" for node in (*handlers, *suppressions)]


@pytest.mark.parametrize("source", all_sources(), ids=lambda source: source.path)
def test_nothing_is_unfinished(source: Source) -> None:
    assert not [word for word in UNFINISHED if word in source.text]


def times_itself(node: ast.AST) -> bool:
    """Whether an assertion judges how long something took by a real clock: a slow machine would fail it."""
    if not isinstance(node, ast.Assert):
        return False
    spans = (part for part in ast.walk(node) if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub))
    return any(isinstance(part, ast.Attribute) and part.attr in CLOCKS for span in spans for part in ast.walk(span))


@pytest.mark.parametrize("source", all_sources(), ids=lambda source: source.path)
def test_no_test_asserts_how_long_something_took(source: Source) -> None:
    assert not [f"{source.path}:{node.lineno}" for node in ast.walk(source.tree) if times_itself(node)]


@product
def test_a_module_says_in_one_to_four_lines_what_lives_here(source: Source) -> None:
    if not source.text.strip():
        assert source.path.endswith("__init__.py"), "an empty module"
        return
    docstring = ast.get_docstring(source.tree)
    assert docstring, f"{source.path} has no docstring"
    assert len(docstring.splitlines()) <= 4 or source.path in LONG_DOCSTRINGS


def test_no_path_of_one_machine_is_written_down() -> None:
    texts = {path: (REPO / path).read_text() for path in tracked_files() if path.endswith(TEXT)}
    assert len(texts) > 50
    found = {path: match[0] for path, text in texts.items() if (match := MACHINE_PATH.search(text))}
    assert not found


@pytest.mark.parametrize("line", ["try: f()\nexcept OSError: pass", "try: f()\nexcept OSError: ..."])
def test_a_swallowed_exception_is_seen(line: str) -> None:
    assert any(isinstance(node, ast.ExceptHandler) and swallows(node) for node in ast.walk(ast.parse(line)))


def test_a_timed_assertion_is_seen() -> None:
    (timed,) = ast.parse("assert time.monotonic() - began < 2").body
    (bounded,) = ast.parse("assert time.monotonic() < deadline").body
    assert (times_itself(timed), times_itself(bounded)) == (True, False)
