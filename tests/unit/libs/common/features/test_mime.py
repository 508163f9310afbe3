"""Messages as real mailboxes hold them are parsed, whatever is wrong with them."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from libs.common.domain.triage import Attachment
from libs.common.errors import DataError
from libs.common.features.mime import bare_subject, is_reply, parse_message, thread_of

PLAIN = (
    b"From sender@example.com Thu Sep  5 13:04:27 2002\n"
    b'From: "Anna B" <Anna@Example.com>\nTo: team@example.com, "C" <c@example.com>\nCc: d@example.com\n'
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from =?iso-8859-1?q?K=F6ln?=\nMessage-ID: <1@example.com>\n"
    b"Date: Thu, 5 Sep 2002 12:04:23 +0100\nList-Id: Friends <friends.example.com>\n\nhello\r\nthere\n"
)


def test_a_plain_message_is_read_whole() -> None:
    message = parse_message(PLAIN)
    email = message.email
    assert (email.sender, email.subject, email.body) == ("anna@example.com", "Grüße from Köln", "hello\nthere\n")
    assert email.recipients == ("team@example.com", "c@example.com", "d@example.com")
    assert (email.message_id, email.thread_id) == ("1@example.com", "1@example.com")
    assert email.sent_at == datetime(2002, 9, 5, 11, 4, 23, tzinfo=UTC)
    assert message.header("list-id") == "Friends <friends.example.com>"


def test_of_two_alternatives_the_plain_one_is_read_and_files_are_only_named() -> None:
    raw = (
        b"Subject: x\nContent-Type: multipart/mixed; boundary=A\n\n--A\nContent-Type: multipart/alternative; boundary=B\n\n"
        b"--B\nContent-Type: text/plain\n\nthe plain part\n--B\nContent-Type: text/html\n\n<p>the html part</p>\n--B--\n"
        b'--A\nContent-Type: application/pdf; name="=?utf-8?q?r=C3=A9sum=C3=A9?=.pdf"\n'
        b"Content-Transfer-Encoding: base64\n\nQUJD\n--A--\n"
    )
    email = parse_message(raw).email
    assert (email.body.strip(), email.is_html) == ("the plain part", False)
    assert email.attachments == (Attachment("résumé.pdf", "application/pdf", 3),)


def test_a_blank_plain_part_beside_html_is_not_the_message() -> None:
    raw = (
        b"Content-Type: multipart/alternative; boundary=B\n\n--B\n\n \n--B\nContent-Type: text/html\n\n<b>read me</b>\n--B--\n"
    )
    email = parse_message(raw).email
    assert (email.is_html, email.body.strip()) == (True, "<b>read me</b>")


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (b"Content-Type: text/plain; charset=no-such-charset\n\ncaf\xc3\xa9", "café"),
        (b"Content-Type: text/plain; charset=utf-8\n\ncaf\xe9", "café"),
        (b"Content-Type: text/plain; charset=us-ascii\n\n\x93quoted\x94", "“quoted”"),
        (b"Subject: x\n\na\x00b", "ab"),
        (b"Content-Type: multipart/mixed; boundary=never\n\nno boundary follows", "no boundary follows"),
        (b"Content-Type: multipart/mixed\n\nno boundary named", "no boundary named"),
    ],
)
def test_wrong_charsets_and_broken_boundaries_lose_no_text(raw: bytes, body: str) -> None:
    assert parse_message(raw).email.body == body


def test_eight_bit_headers_and_senseless_dates_are_read_as_well_as_can_be() -> None:
    email = parse_message(b"Subject: gr\xfc\xdfe\nFrom: nobody\nDate: Wed, 17 Jul 0102 09:53:05 -0200\n\nx").email
    assert (email.subject, email.sender, email.sent_at) == ("grüße", "nobody", None)


@pytest.mark.parametrize(
    "address", [b"(" * 5000 + b"a@example.com", b"g:" * 5000, b"a" * 100_000 + b"@example.com", b'"a\n b\r\n\tc"@example.com']
)
def test_endless_and_broken_addresses_are_survived_on_one_line(address: bytes) -> None:
    email = parse_message(b"From: %s\nTo: %s\nSubject: x\n\ntext" % (address, address)).email
    assert (email.subject, email.body) == ("x", "text")
    assert all(len(text.splitlines()) <= 1 and len(text) < 40_000 for text in (email.sender, *email.recipients))


def test_line_breaks_in_encoded_words_inject_nothing() -> None:
    email = parse_message(b"Subject: =?utf-8?q?x=0D=0ABcc:_evil@example.com=0D=0A=0D=0Abody?=\n\ntext").email
    assert (email.subject, email.body) == ("x Bcc: evil@example.com body", "text")


@pytest.mark.parametrize("depth", [21, 300, 900, 2000])
def test_of_a_message_too_deep_to_read_headers_and_text_are_kept(depth: int) -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(depth))
    email = parse_message(b"From: anna@example.com\nSubject: deep\n" + nested + b"\ntext").email
    assert (email.sender, email.subject) == ("anna@example.com", "deep")
    assert email.body.endswith("\ntext")


def test_a_message_without_an_id_is_named_by_its_content() -> None:
    one, same, other = (parse_message(raw).email.message_id for raw in (b"A: b\n\nx", b"A: b\n\nx", b"A: b\n\ny"))
    assert one == same != other


def test_thousands_of_nested_parts_are_survived() -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3000))
    assert parse_message(b"Subject: deep\n" + nested + b"\ntext").email.message_id


def test_an_empty_message_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        parse_message(b" \n\n")


@given(st.binary(min_size=1, max_size=400))
@example(b"Content-Type: text/plain; charset*=\xff''x\n\nx")
@example(b"From: =?utf-8?b?====?=\nTo: ,,<<>>\nDate: 99999999999999999\n\nx")
@example(b"Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\n\n")
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_parser_and_every_text_can_be_stored(raw: bytes) -> None:
    if not raw.strip():
        return
    email = parse_message(b"Subject: " + raw).email
    for text in (email.subject, email.body, email.sender, email.message_id, email.thread_id, *email.recipients):
        assert "\x00" not in text
        text.encode("utf-8")


@pytest.mark.parametrize(
    ("references", "in_reply_to", "subject", "thread"),
    [
        ("<first@x> <second@x>", "<second@x>", "Re: hello", "first@x"),
        ("", "<second@x>", "Re: hello", "second@x"),
        ("", "", "RE: Fwd: Hello  World", "subject:hello world"),
        ("", "", "Hello", "own@x"),
        ("garbage", "more", "Re:", "own@x"),
    ],
)
def test_a_thread_is_known_by_references_then_by_subject(references: str, in_reply_to: str, subject: str, thread: str) -> None:
    assert thread_of("own@x", references, in_reply_to, subject) == thread


def test_reply_marks_of_several_languages_are_no_part_of_the_subject() -> None:
    assert bare_subject("AW: Re[2]: fw: Offer") == "offer"
    assert bare_subject("More: to come") == "more: to come"
    assert is_reply("re: x")
    assert not is_reply("regarding x")
