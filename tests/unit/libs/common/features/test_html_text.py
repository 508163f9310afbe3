"""What a reader of an HTML mail sees, and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.html_text import html_to_text, tracking_pixels


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
        ('a<span style="visibility:hidden">no</span>b', ["ab"]),
        ("a<div style='color:red;DISPLAY : NONE;'>no</div>b", ["ab"]),
        ('a<p style="font-size: 0;line-height:0">no<br>no</p>b', ["ab"]),
        ('a<p style="display:none">no<p>b<p hidden>no</p>c', ["a", "bc"]),
        ('a<img src="x" alt="no" width="1" height="1">b', ["ab"]),
        ("&#65;&#x42;&#0000000067;", ["ABC"]),
        ("x&#" + "9" * 5000 + ";y", ["x\ufffdy"]),
    ],
)
def test_only_visible_text_is_kept(markup: str, seen: list[str]) -> None:
    assert words(markup) == seen


def test_a_table_is_read_row_by_row() -> None:
    table = "<table><tr><th>item<th>price</tr><tr><td>pen</td><td>2 €</td></tr><tr><td>ink<td>5 €</table>after"
    assert [line.split() for line in html_to_text(table).split("\n") if line] == [
        ["item", "price"],
        ["pen", "2", "€"],
        ["ink", "5", "€"],
        ["after"],
    ]


@pytest.mark.parametrize(
    ("markup", "pixels"),
    [
        ('<img src="http://a/b.gif" width="1" height="1">', 1),
        ("<IMG HEIGHT=1 WIDTH=0><img width='1px' height='1px'>", 2),
        ('<img style="width:1px; height: 1px">', 1),
        ('<img width="1"><img width="10" height="1"><img width="100%" height="1"><img width="1.5" height="1">', 0),
        ('<!-- <img width="1" height="1"> -->', 0),
        ("text", 0),
    ],
)
def test_images_that_nobody_sees_are_counted(markup: str, pixels: int) -> None:
    assert tracking_pixels(markup) == pixels


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
