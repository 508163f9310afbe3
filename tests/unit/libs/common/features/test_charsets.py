"""Whatever charset is named, some text comes out that can be stored; only charsets are ever looked up."""

import encodings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.charsets import decode, storable


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"caf\xe9", "ISO-8859-1", "café"),
        (b"caf\xc3\xa9", "iso-8859-1", "cafÃ©"),
        (b"caf\xc3\xa9", '"utf-8"', "café"),
        (b"\x93x\x94", "us-ascii", "“x”"),
        (b"\xc4\xcf\xcd", "KOI8-R", "дом"),
        (b"\xc4\xa6\xcd", "koi8-u", "дім"),
        (b"\x1b$B8!:w\x1b(B", "ISO-2022-JP", "検索"),
        (b"+AOk-", "utf-7", "é"),
        (b"caf\xe9", "no-such-charset", "café"),
        (b"a-b", "punycode", "a-b"),
        (b"\\u00e9\\q", "unicode_escape", "\\u00e9\\q"),
        (b"uryyb", "rot13", "uryyb"),
        (b"x", "a\x00b", "x"),
    ],
)
def test_bytes_are_read_in_the_charset_that_they_are_most_likely_in(content: bytes, charset: str, text: str) -> None:
    assert decode(content, charset) == text


@given(st.binary(max_size=80), st.text(max_size=20) | st.sampled_from(["utf-16", "hz", "utf-7", "big5", "zlib", "undefined"]))
def test_any_bytes_in_any_charset_become_a_text_that_can_be_stored(content: bytes, charset: str) -> None:
    text = decode(content, charset)
    text.encode()
    assert "\x00" not in text
    assert "\r" not in text


def test_names_that_are_no_charsets_are_not_remembered() -> None:
    before = len(encodings._cache)  # pyright: ignore[reportAttributeAccessIssue]
    for number in range(50):
        decode(b"x", f"made-up-{number}")
    assert len(encodings._cache) == before  # pyright: ignore[reportAttributeAccessIssue]


def test_lone_surrogates_and_null_characters_are_not_stored() -> None:
    assert storable("a\ud800b\x00c\r\nd\re") == "a?bc\nd\ne"
