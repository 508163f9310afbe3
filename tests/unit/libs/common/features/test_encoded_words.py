"""Encoded words become text; broken ones stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.features.encoded_words import decode_words


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= from =?iso-8859-1?q?K=F6ln?=", "Grüße from Köln"),
        ("=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        ("=?utf-8?b?w6k?=", "é"),
        ("=?utf-8?b?a?=", "=?utf-8?b?a?="),
        ("=?no-such-charset?q?caf=E9?=", "café"),
        ("=?utf-8?q?=3D=3Futf-8=3Fq=3Fabc=3F=3D?=", "=?utf-8?q?abc?="),
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        ("=?", "=?"),
    ],
)
def test_words_are_decoded_once_or_left(words: str, text: str) -> None:
    assert decode_words(words) == text


@given(st.lists(st.sampled_from(["=?", "?=", "utf-8", "?q?", "?b?", "a", "w6k=", " ", "=", "\n", "é"]), max_size=30))
def test_no_arrangement_of_words_breaks_it(pieces: list[str]) -> None:
    decode_words("".join(pieces)).encode()
