"""The report is one file that loads nothing, says what was found, and lets no e-mail or error write into the page."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from apps.console.demo.account import Account, chapters
from apps.console.demo.checks import check
from apps.console.demo.chronicle import Chronicle
from apps.console.demo.report import report, write_report
from apps.console.demo.report_plots import draw
from tests.unit.apps.console.demo.accounts import ENDED, account, request, with_requests

VOID = {"meta"}


class Balance(HTMLParser):
    """Raises where a tag is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID | {"br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def told() -> Account:
    return account()


@pytest.fixture(scope="module")
def html(told: Account) -> str:
    return report(told, check(told), ENDED)


def test_the_page_loads_nothing_from_anywhere(html: str) -> None:
    without_namespaces = re.sub(r'(xmlns(:\w+)?|rdf:resource|rdf:about)="[^"]*"', "", html)
    assert not re.search(r'(src|href)="(?!#)', without_namespaces)
    assert "<script" not in html
    assert "@import" not in without_namespaces


def test_every_tag_is_closed(html: str) -> None:
    parser = Balance()
    parser.feed(html)
    assert parser.open == []


@pytest.mark.parametrize(
    "said",
    [
        "Every promise was kept",
        "worse model canaried",
        "worse than stable: accuracy",
        "0.950 [0.930, 0.970]",
        "12 records",
        "3 of 3 e-mails by v1 in 4 s",
    ],
)
def test_the_page_says_what_happened(html: str, said: str) -> None:
    assert said in html


def test_a_broken_promise_and_its_cause_stand_on_the_page(told: Account) -> None:
    failed = replace(request(9001, 3, "", True), status=503, problem="<script>away</script>")
    spoilt = with_requests(told, failed)
    html = report(spoilt, check(spoilt), ENDED)
    assert "1 of 11 promises were broken" in html
    assert "<script" not in html
    assert "&lt;script&gt;away" in html


def test_the_plots_are_one_well_formed_drawing_with_each_chapter_named(told: Account) -> None:
    svg = draw(told, chapters(told, ENDED))
    texts = {"".join(element.itertext()) for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")}
    assert {"1 first release", "2 worse model canaried", "3 traffic drifts"} <= texts
    assert {"live accuracy", "drift score (KS)", "answers (%)", "latency (ms)"} <= texts
    assert {"version 1", "version 2", "version 3"} <= texts


def test_a_story_that_ended_before_any_traffic_can_be_told(told: Account) -> None:
    empty = Account(source="nowhere", chronicle=Chronicle(), limits=told.limits)
    assert chapters(empty, ENDED) == []
    assert "11 of 11 promises were broken" in report(empty, check(empty), ENDED)


def test_the_file_is_written_whole(told: Account, tmp_path: Path) -> None:
    path = write_report(tmp_path / "new" / "report.html", told, check(told), ENDED)
    assert path.read_text().endswith("</html>\n")
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
