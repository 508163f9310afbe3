"""RFC 2047 encoded words, whole, nested or broken → text."""

from email.errors import HeaderParseError
from email.header import decode_header

from libs.common.features.charsets import decode

# The standard library looks for the end of each word up to the end of the text: quadratic in a text of beginnings.
_MAX_CHARS = 8192


def decode_words(text: str) -> str:
    """RFC 2047 encoded words → text; undecodable words stay as they are."""
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text[:_MAX_CHARS])
    except (HeaderParseError, ValueError, LookupError):
        return text
    return "".join(piece if isinstance(piece, str) else decode(piece, charset or "") for piece, charset in pieces)
