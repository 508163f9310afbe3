"""What a person reads first is the body; all else is an attachment of which name, type and size are known."""

import pytest

from libs.common.domain.triage import Attachment, Email
from libs.common.features.cleaning import clean
from libs.common.features.mime import parse_message
from tests.unit.libs.common.features.test_calendars import INVITATION

CALENDAR = b"Content-Type: text/calendar; method=REQUEST; name=invite.ics\n\n" + INVITATION.encode()
TEXT = b"Content-Type: text/plain\n\nSee you there.\n"
INNER = b"From: ceo@example.com\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nThe old text.\n"


def mail(*parts: bytes, kind: bytes = b"mixed") -> Email:
    joined = b"".join(b"--edge\n" + part + b"\n" for part in parts)
    return parse_message(b"Subject: x\nContent-Type: multipart/%s; boundary=edge\n\n%s--edge--\n" % (kind, joined)).email


def in_base64(content_type: bytes, name: bytes = b"") -> bytes:
    named = b'; name="%s"' % name if name else b""
    return b"Content-Type: " + content_type + named + b"\nContent-Transfer-Encoding: base64\n\nQUJDRA==\n"


def test_an_invitation_alone_is_read() -> None:
    email = mail(CALENDAR)
    assert (email.body, email.is_html) == ("Budget, second round\nRoom 4\nBring figures.\nCoffee; tea is \\ out.", False)
    assert [(item.name, item.content_type) for item in email.attachments] == [("invite.ics", "text/calendar")]


def test_an_invitation_beside_a_text_is_only_attached() -> None:
    email = mail(TEXT, CALENDAR, kind=b"alternative")
    assert email.body.strip() == "See you there."
    assert [item.name for item in email.attachments] == ["invite.ics"]
    assert email.attachments[0].size_bytes == len(INVITATION)


@pytest.mark.parametrize(
    ("content_type", "name"),
    [
        (b"application/ms-tnef", b"winmail.dat"),
        (b"application/vnd.ms-tnef", b""),
        (b"application/pkcs7-mime; smime-type=enveloped-data", b"smime.p7m"),
        (b"application/pkcs7-signature", b"smime.p7s"),
        (b"application/pgp-encrypted", b""),
        (b"application/octet-stream", b"encrypted.asc"),
        (b"application/zip", b"../bomb.zip"),
    ],
)
def test_sealed_parts_are_named_and_never_opened(content_type: bytes, name: bytes) -> None:
    email = mail(TEXT, in_base64(content_type, name))
    assert email.attachments == (Attachment(name.decode(), content_type.partition(b";")[0].decode(), 4),)
    assert email.body.strip() == "See you there."


def test_a_message_beside_a_text_is_attached_by_its_subject() -> None:
    email = mail(TEXT, b"Content-Type: message/rfc822\n\n" + INNER)
    assert email.body.strip() == "See you there."
    assert [(item.name, item.content_type) for item in email.attachments] == [("Grüße", "message/rfc822")]


def test_a_message_forwarded_without_a_word_is_read_as_forwarded_text() -> None:
    email = mail(b"Content-Type: message/rfc822\n\n" + INNER)
    assert email.body == "---------- Forwarded message ----------\nSubject: Grüße\n\nThe old text.\n"
    cleaned = clean(email)
    assert (cleaned.text, cleaned.quoted) == ("", email.body.strip())
    assert [item.name for item in email.attachments] == ["Grüße"]


def test_a_forwarded_page_stays_a_page() -> None:
    inner = b"Subject: a < b\nContent-Type: text/html\n\n<p>The <b>old</b> text.</p>\n"
    email = mail(b"Content-Type: message/rfc822\n\n" + inner)
    assert email.is_html
    assert " ".join(clean(email).quoted.split()) == "---------- Forwarded message ---------- Subject: a < b The old text."


def test_an_alternative_without_parts_is_an_empty_text() -> None:
    email = mail(kind=b"alternative")
    assert (email.subject, email.body.strip("-edg\n"), email.attachments) == ("x", "", ())


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b"name*=utf-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        (b"name*0=long; name*1=er.pdf", "longer.pdf"),
        (b"name*=no-such-charset''a%20b", "a b"),
        (b"name*=punycode''a-b", "a-b"),
        (b'name="=?utf-8?b?a?="', "=?utf-8?b?a?="),
        (b'name="a\\"b"', 'a"b'),
    ],
)
def test_a_file_has_its_name_in_whatever_way_it_is_written(parameter: bytes, name: str) -> None:
    assert mail(TEXT, b"Content-Type: application/pdf; " + parameter + b"\n\nx").attachments[0].name == name
