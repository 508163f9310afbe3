"""The text that a reader of an HTML mail sees: no scripts, styles, comments or hidden elements.

One pass of one regular expression whose cost grows linearly with the input, whatever a sender writes: the tree builders
that the standard library and BeautifulSoup offer cost 5–20 times as much, and hostile markup makes them quadratic.
"""

import html
import re

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,30})([^<>]*)>|<[!?][^<>]*>")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|(?:^|\s)hidden(?=[\s=/]|$)", re.IGNORECASE
)
# Python refuses to read a number of more than 4300 digits; a character's has at most seven, however many zeros before it.
_ENDLESS_REFERENCE = re.compile(r"&#[0-9]{1000,};?")
_UNREAD = frozenset({"script", "style", "title", "noscript", "template", "object", "svg"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_LINES = frozenset(
    {"address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer", "form"}
    | {
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    }
)
_CELLS = frozenset({"td", "th", "option"})
_IMAGE = re.compile(r"<img\b([^<>]*)>", re.IGNORECASE)
_SIDE = re.compile(r"\b(width|height)\s{0,9}[=:]\s{0,9}[\"']?\s{0,9}[01](?:px)?(?![\d.%])", re.IGNORECASE)


def html_to_text(markup: str) -> str:
    """HTML → plain text with a line for each block; never raises, whatever the markup."""
    pieces: list[str] = []
    skipping, depth, position = "", 0, 0
    bare = _without_comments(markup)
    for match in _TAG.finditer(bare):
        if not skipping:
            pieces.append(_run(bare[position : match.start()]))
        position = match.end()
        closing, name, attributes = match[1], (match[2] or "").lower(), match[3] or ""
        if skipping == name == "p" and not closing:
            # A paragraph ends where the next one begins: else one hidden, unclosed one would hide all the rest.
            skipping = ""
        if skipping:
            depth += (-1 if closing else 1) if name == skipping else 0
            skipping = skipping if depth > 0 else ""
        elif not closing and name not in _VOID and (name in _UNREAD or _hides(attributes)):
            skipping, depth = name, 1
        else:
            pieces.append("\n" if name in _LINES else " " if name in _CELLS else "")
    if not skipping:
        pieces.append(_run(bare[position:]))
    return html.unescape(_ENDLESS_REFERENCE.sub("\ufffd", "".join(pieces)))


def tracking_pixels(markup: str) -> int:
    """How many images are at most one pixel wide and high: nobody sees them, they tell that the mail was opened."""
    images = _IMAGE.findall(_without_comments(markup))
    return sum({side.lower() for side in _SIDE.findall(image)} == {"width", "height"} for image in images)


def _hides(attributes: str) -> bool:
    lowered = attributes.lower()
    # What the expression looks for holds one of these, and hardly any tag does.
    likely = "none" in lowered or "dden" in lowered or "font-" in lowered
    return likely and _HIDDEN.search(attributes) is not None


def _run(text: str) -> str:
    # A line break in the source is a space to a reader.
    return " ".join(text.split("\n")) if "\n" in text else text


def _without_comments(markup: str) -> str:
    if "<!--" not in markup:
        return markup
    kept: list[str] = []
    position = 0
    while (start := markup.find("<!--", position)) >= 0:
        kept.append(markup[position:start])
        end = markup.find("-->", start + 4)
        if end < 0:
            # Browsers end an unclosed comment at the end of the page; a mail may hide its text that way.
            return "".join(kept)
        position = end + 3
    kept.append(markup[position:])
    return "".join(kept)
