"""Links are counted by where they lead; one that names another place is told apart."""

import pytest

from libs.common.domain.triage import Email
from libs.common.features.links import Link, links_of, registered_domain


def links(body: str, is_html: bool = True) -> list[Link]:
    return links_of(Email("id", "a@b", "s", body, is_html))


@pytest.mark.parametrize(
    ("anchor", "link"),
    [
        ('<a href="https://shop.example.com/x?y=1">our shop</a>', Link("shop.example.com")),
        ("<A class=x HREF='HTTP://Example.COM:8080'>x</A>", Link("example.com")),
        ("<a href=//example.com>x</a>", Link("example.com")),
        ('<a href="https://paypal.com@evil.example/">x</a>', Link("evil.example")),
        ('<a href="https:\\\\evil.example\\">x</a>', Link("evil.example")),
        ('<a href="https://evil&#46;example">x</a>', Link("evil.example")),
        ('<a href="https://ｅvil。example">x</a>', Link("evil.example")),
        ('<a href="https://evil.example">https://www.<b>bank</b>.com/login</a>', Link("evil.example", "www.bank.com")),
        ('<a href="https://evil.example">  bank.com </a>', Link("evil.example", "bank.com")),
        ('<a href="https://evil.example">report.pdf</a>', Link("evil.example")),
        ('<a href="https://evil.example">https://bank.com', Link("evil.example", "bank.com")),
    ],
)
def test_an_anchor_leads_to_a_host_and_may_name_one(anchor: str, link: Link) -> None:
    assert links(anchor) == [link]


@pytest.mark.parametrize(
    "anchor", ["<a href='mailto:a@b'>x</a>", "<a href='#top'>x</a>", "<a name=x>y</a>", "<a>", "<abbr>x</abbr>"]
)
def test_what_leads_to_no_page_is_no_link(anchor: str) -> None:
    assert links(anchor) == []


def test_a_plain_text_has_the_links_that_mailers_make_of_it() -> None:
    found = links("See http://a.example/x, (https://b.example:443/) and www.c.example. Not d.example.", is_html=False)
    assert [link.host for link in found] == ["a.example", "b.example", "www.c.example"]
    assert not any(link.is_misleading for link in found)


@pytest.mark.parametrize(
    ("host", "shown", "misleads"),
    [
        ("click.bank.com", "www.bank.com", False),
        ("bank.com.evil.example", "bank.com", True),
        ("a.co.uk", "b.co.uk", True),
        ("x.a.co.uk", "a.co.uk", False),
        ("10.0.0.1", "10.0.0.2", True),
        ("bank.com", "", False),
    ],
)
def test_a_link_misleads_if_it_names_what_somebody_else_registered(host: str, shown: str, misleads: bool) -> None:
    assert Link(host, shown).is_misleading == misleads


def test_a_domain_is_what_was_registered() -> None:
    hosts = ("a.b.example.com", "example.co.uk", "www.example.co.uk", "com", "127.0.0.1", "")
    assert [registered_domain(host) for host in hosts] == [
        "example.com",
        "example.co.uk",
        "example.co.uk",
        "com",
        "127.0.0.1",
        "",
    ]
