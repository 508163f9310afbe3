"""Files and functions stay small; complexity is ruff's to measure."""

from statistics import median

from tests.architecture.source import Function, all_sources, product_sources


def length_of(function: Function) -> int:
    """Lines from ``def`` to the last statement."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    long = {source.path: source.lines for source in all_sources() if source.lines > 400}
    assert not long, f"split by noun: {long}"


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{source.path}:{function.lineno} {function.name}": length_of(function)
        for source in all_sources()
        for function in source.functions()
        if length_of(function) > 60
    }
    assert not long, long


def test_half_of_the_files_have_at_most_120_lines() -> None:
    # A file of four lines or fewer is a package's docstring: counting it would flatter the median.
    lines = [source.lines for source in product_sources() if source.lines > 4]
    assert lines
    assert median(lines) <= 120


def test_half_of_the_functions_have_at_most_12_lines() -> None:
    lengths = [length_of(function) for source in product_sources() for function in source.functions()]
    assert lengths
    assert median(lengths) <= 12
