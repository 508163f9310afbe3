"""README's tree is the real tree, and the unit tests mirror it."""

from pathlib import PurePosixPath

from tests.architecture.source import REPO, all_sources
from tests.architecture.tree import draw, read_tree, readme_tree, real_tree


def test_everything_in_the_tree_of_the_readme_exists() -> None:
    gone = {path for path in read_tree(readme_tree()) if not (REPO / path).exists()}
    assert not gone, f"README.md names what does not exist: {sorted(gone)}; `make tree` draws the real one"


def test_the_tree_of_the_readme_leaves_nothing_out() -> None:
    missing = real_tree() - read_tree(readme_tree())
    assert not missing, f"README.md leaves out {sorted(missing)}; `make tree` draws the real one"


def test_a_drawn_tree_reads_back_as_itself() -> None:
    paths = {"apps/", "apps/a/", "apps/a/one.py", "apps/a/two.py", "apps/a/deep/", "apps/a/deep/three.py", "docs/"}
    assert read_tree("\n".join(draw(paths))) == paths


def test_phrases_are_no_entries() -> None:
    assert read_tree("apps/x/  what it · is\n  one · two.txt\n") == {"apps/x/", "apps/x/one.py", "apps/x/two.txt"}


def test_unit_tests_lie_where_their_subject_lies() -> None:
    tests = [PurePosixPath(source.path) for source in all_sources() if source.path.startswith("tests/unit/")]
    subjects = {test: PurePosixPath(*test.parts[2:-1]) for test in tests if test.name.startswith("test_")}
    assert subjects
    astray = [str(test) for test, subject in subjects.items() if not (REPO / subject).is_dir()]
    assert not astray, f"no such folder as these tests mirror: {astray}"
