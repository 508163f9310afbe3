"""What an invitation (RFC 5545) says to a person: what, where, and the words that go with it."""

import re

_FOLD = re.compile(r"\n[ \t]")
_PROPERTY = re.compile(r'(SUMMARY|LOCATION|DESCRIPTION)(?:;(?:[^":\n]|"[^"\n]*"){0,1000})?:(.*)', re.IGNORECASE)
_ESCAPED = re.compile(r"\\([\\;,nN])")
# A time zone or an alarm has descriptions of its own that nobody wrote.
_READ_IN = frozenset({"VEVENT", "VJOURNAL"})


def calendar_text(content: str) -> str:
    """Summary, location and description of every entry, each on lines of its own; empty where there is no entry."""
    said: list[str] = []
    open_blocks: list[str] = []
    for line in _FOLD.sub("", content).split("\n"):
        keyword, _, value = line.strip().partition(":")
        if keyword.upper() == "BEGIN":
            open_blocks.append(value.strip().upper())
        elif keyword.upper() == "END":
            del open_blocks[-1:]
        elif open_blocks and open_blocks[-1] in _READ_IN and (found := _PROPERTY.match(line)):
            said.append(_ESCAPED.sub(_unescape, found[2]).strip())
    return "\n".join(filter(None, said))


def _unescape(match: re.Match[str]) -> str:
    return "\n" if match[1] in "nN" else match[1]
