"""Bytes in a charset that the sender names, rightly or wrongly → text that can be stored."""

import re
from encodings.aliases import aliases

# Any other name is not looked up: the registry remembers every name it was ever asked for, and also holds codecs that are
# no charsets (punycode is quadratic, unicode_escape warns).
_KNOWN = frozenset(aliases) | frozenset(aliases.values()) | {"cp737", "cp856", "cp874", "koi8_u"}
_SEPARATORS = re.compile(r"[^a-z0-9.]+")


def decode(content: bytes, charset: str) -> str:
    """Text in the named charset, else in UTF-8, else in what mislabelled mail mostly is."""
    # latin-1 reads any byte, so the loop always ends with a text.
    for encoding in (_named(charset) or "utf-8", "utf-8", "cp1252", "latin-1"):
        try:
            return storable(content.decode(encoding))
        except (LookupError, ValueError):
            continue
    return ""


def storable(text: str) -> str:
    """The text with line feeds only, and without null characters and lone surrogates (utf-7, surrogateescape)."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _named(charset: str) -> str:
    name = _SEPARATORS.sub("_", charset[:60].lower()).strip("_")
    return name if name in _KNOWN else ""
