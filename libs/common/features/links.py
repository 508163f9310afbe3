"""Where the links of an e-mail lead, and where they say that they lead."""

import html
import re
import unicodedata
from dataclasses import dataclass

from libs.common.domain.triage import Email
from libs.common.features.cleaning import MAX_BODY_CHARS

_ANCHOR = re.compile(r"<(/?)a(?=[\s>/])([^<>]*)>", re.IGNORECASE)
_TARGET = re.compile(r"""\bhref\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"""(?:https?://|\bwww\.)[^\s<>"]{1,2000}""", re.IGNORECASE)
_HOST = re.compile(r"(?:(?:https?|ftp):)?[/\\]{2,}([^/?#\\\s]*)", re.IGNORECASE)
# A text such as `report.pdf` or `node.js` looks like a domain, too: without http or www only these endings count.
_DOMAIN = re.compile(
    r"(?:[\w-]{1,63}\.){1,9}(?:com|org|net|edu|gov|info|biz|eu|de|fr|es|it|nl|pl|at|ch|uk|ru|us|ca|au)", re.IGNORECASE
)
_IP_ADDRESS = re.compile(r"[\d.]+|\[.*")
# Under these, whoever registers a name gets the third label: example.co.uk.
_SHARED = frozenset({"ac", "co", "com", "edu", "gov", "net", "org"})
_LONGEST_HOST = 253
_LONGEST_TEXT = 2000
_LONGEST_ATTRIBUTES = 4000


@dataclass(frozen=True, slots=True)
class Link:
    """The host that a link leads to, and the one that its text names (empty where it names none); lower case."""

    host: str
    shown_host: str = ""

    @property
    def is_misleading(self) -> bool:
        """Whether the text names another domain than the one it leads to."""
        return bool(self.shown_host) and registered_domain(self.shown_host) != registered_domain(self.host)


def links_of(email: Email) -> list[Link]:
    """The links to web pages, in their order; of HTML the anchors, of plain text what mailers make clickable."""
    body = email.body[:MAX_BODY_CHARS]
    if email.is_html:
        return _anchors(body)
    return [Link(host) for address in _ADDRESS.findall(body) if (host := _shown_host(address))]


def registered_domain(host: str) -> str:
    """The part of a host that somebody registered, judged by its labels; an IP address as it is."""
    labels = host.split(".")
    if _IP_ADDRESS.fullmatch(host) or len(labels) < 3:
        return host
    shared = len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3:] if shared else labels[-2:])


def _anchors(markup: str) -> list[Link]:
    links: list[Link] = []
    host, start = "", 0
    for match in _ANCHOR.finditer(markup):
        if host:
            links.append(Link(host, _shown_host(_visible(markup[start : match.start()]))))
        target = None if match[1] else _TARGET.search(match[2][:_LONGEST_ATTRIBUTES])
        host, start = _host(html.unescape(target[1].strip("\"' "))) if target else "", match.end()
    return [*links, Link(host, _shown_host(_visible(markup[start:])))] if host else links


def _visible(markup: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", markup[:_LONGEST_TEXT])).split())


def _shown_host(text: str) -> str:
    if address := _ADDRESS.search(text):
        found = address[0].rstrip(".,;:!?)]'")
        return _host(found if "//" in found else f"//{found}")
    return text.lower() if len(text) <= _LONGEST_HOST and _DOMAIN.fullmatch(text) else ""


def _host(address: str) -> str:
    found = _HOST.match(address.strip())
    if not found:
        return ""
    # What stands before an @ is a user's name, however much it looks like a host.
    host = found[1].rpartition("@")[2][:_LONGEST_HOST]
    host = re.sub(r":\d*\Z", "", unicodedata.normalize("NFKC", host))
    return host.replace("。", ".").lower().strip(".")
