"""An ordinary message is parsed as it is; of an endless one every part is there, cut, and nothing is miscounted."""

import base64

import pytest

from libs.common.features.bounds import MAX_BYTES, MAX_LINES, MAX_PARTS, Part, excerpt, parse_bounded, parse_head
from libs.common.features.mime import parse_message
from libs.common.features.parts import MAX_BODY_CHARS

HEAD = b"Subject: figures\nContent-Type: multipart/mixed; boundary=edge\n\n"
TEXT = b"--edge\nContent-Type: text/plain\n\nplease look\n"


def attachment(size: int, name: bytes = b"a.zip") -> bytes:
    content = base64.encodebytes(bytes(size))
    return b"--edge\nContent-Type: application/zip; name=%s\nContent-Transfer-Encoding: base64\n\n%s" % (name, content)


def test_an_ordinary_message_is_not_touched() -> None:
    raw = HEAD + TEXT + attachment(100_000) + b"--edge--\n"
    assert excerpt(raw).content is raw


def test_an_attachment_is_as_large_as_it_was_though_little_of_it_is_read() -> None:
    raw = HEAD + TEXT + attachment(9_000_001) + attachment(12, b"b.zip") + b"--edge--\n"
    cut = excerpt(raw)
    assert len(cut.content) < MAX_BYTES < len(raw)
    email = parse_message(raw).email
    assert email.body == "please look"
    assert [item.name for item in email.attachments] == ["a.zip", "b.zip"]
    assert [item.size_bytes for item in email.attachments] == [pytest.approx(9_000_001, abs=3), 12]


def test_all_of_many_large_attachments_are_named() -> None:
    names = [b"%d.zip" % number for number in range(20)]
    raw = HEAD + TEXT + b"".join(attachment(1_500_000, name) for name in names) + b"--edge--\n"
    found = parse_message(raw).email.attachments
    assert [item.name.encode() for item in found] == names
    assert [item.size_bytes for item in found] == [pytest.approx(1_500_000, abs=3)] * 20


@pytest.mark.parametrize("width", [76, 61, 10_000_000])
def test_a_text_that_is_cut_within_its_base64_is_still_read(width: int) -> None:
    content = b"hello there, " * 500_000
    encoded = base64.b64encode(content)
    lines = b"\n".join(encoded[at : at + width] for at in range(0, len(encoded), width))
    body = parse_message(b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + lines).email.body
    assert body == content.decode()[:MAX_BODY_CHARS]


def test_the_mark_of_what_is_left_out_is_none_that_the_sender_wrote() -> None:
    raw = b"Subject: x\n\nleft-out-0-bytes 7 left-out-1-bytes\n" + b"x" * 2 * MAX_BYTES
    cut = excerpt(raw)
    assert cut.mark == "left-out-2-bytes"
    assert cut.restored(f"a\n{cut.mark} 12\nb\n{cut.mark} 30") == ("ab", 42)
    assert parse_message(raw).email.body.startswith("left-out-0-bytes 7 left-out-1-bytes\nxxx")


def test_the_more_boundaries_there_are_the_fewer_lines_are_read() -> None:
    lines = b"\n" * MAX_LINES
    assert excerpt(b"\n\n" + lines[2:]).content.count(b"\n") == MAX_LINES
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(99))
    assert excerpt(nested + lines).content.count(b"\n") == MAX_LINES // 100


def test_a_text_below_an_endless_head_is_read() -> None:
    email = parse_message(b"Subject: x\n" + b"X-Filler: y\n" * 500_000 + b"\nthe text\n").email
    assert (email.subject, email.body) == ("x", "the text\n")


def test_too_many_parts_are_refused_and_their_text_is_read_as_one() -> None:
    raw = b"Subject: x\nContent-Type: multipart/mixed; boundary=e\n\n" + b"--e\n\nhello\n" * (MAX_PARTS + 1)
    with pytest.raises(ValueError, match="more than 1000 parts"):
        parse_bounded(excerpt(raw))
    email = parse_message(raw).email
    assert email.subject == "x"
    assert email.body.count("hello") == MAX_PARTS + 1


@pytest.mark.parametrize(("name", "longest"), [("Content-Type", 4096), ("To", 32_768), ("X-Other", 8192)])
def test_no_header_is_endless(name: str, longest: int) -> None:
    part = parse_bounded(excerpt(f"{name}: {'x' * 100_000}\n\ntext".encode()))
    assert isinstance(part, Part)
    assert len(part[name]) == longest


def test_head_and_rest_are_parted_at_the_first_blank_line() -> None:
    head, rest = parse_head(b"A: b\r\n\r\nC: d\n\ne")
    assert (head.items(), rest) == ([("A", "b")], b"C: d\n\ne")
    assert parse_head(b"\nno head\n\nat all")[1] == b"\nno head\n\nat all"
    assert parse_head(b"A: b\nC: d")[0].items() == [("A", "b"), ("C", "d")]
