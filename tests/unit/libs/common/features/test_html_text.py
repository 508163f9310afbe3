"""What a reader of an HTML mail sees, and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.html_text import html_to_text


def words(markup: str) -> list[str]:
    return html_to_text(markup).split()


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("a<br>b<td>c</td>", ["a", "b", "c"]),
        ("bo<b>ld</b>", ["bold"]),
        ("x<script>alert('no')</script>y<style>p{}</style>z", ["xyz"]),
        ("x<!-- no -->y", ["xy"]),
        ("x<!-- never closed", ["x"]),
        ('a<div style="display: none">no<div>no</div>no</div>b', ["ab"]),
        ("a<span hidden>no</span>b", ["ab"]),
        ('a<span style="font-size:0px">no</span>b', ["ab"]),
        ('a<span style="font-size:0.9em">yes</span>b', ["ayesb"]),
        ("caf&eacute; &amp; &#8364;", ["café", "&", "€"]),
        ("1 < 2 and 3 > 2", ["1", "<", "2", "and", "3", ">", "2"]),
        ("<!DOCTYPE html><?xml version='1'?>x", ["x"]),
        ("<script>unclosed", []),
        ('<img hidden src="x">seen', ["seen"]),
    ],
)
def test_only_visible_text_is_kept(markup: str, seen: list[str]) -> None:
    assert words(markup) == seen


@given(st.text(alphabet="<>!-/ab=\"' &;script\n", max_size=200))
def test_no_markup_breaks_it(markup: str) -> None:
    assert isinstance(html_to_text(markup), str)


@pytest.mark.parametrize("hostile", ["<", "<!--", "<a", "</", "<a href='", "&", "<div>", "<!", "<div hidden>"])
def test_the_cost_grows_linearly_whatever_is_written(hostile: str) -> None:
    def seconds(size: int) -> float:
        markup = hostile * (size // len(hostile))
        started = time.process_time()
        html_to_text(markup)
        return time.process_time() - started

    # 16 times the input: a quadratic algorithm takes 256 times as long.
    small = max(min(seconds(20_000) for _ in range(3)), 0.0005)
    assert min(seconds(320_000) for _ in range(2)) < 80 * small
