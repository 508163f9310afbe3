"""Hostile MIME structure: nesting, boundaries, parts without end, claims that the content does not keep."""

import io
import zipfile
from functools import partial

from tests.integration.hostile.wire import (
    MEGABYTE,
    TEXT,
    Builder,
    attachment,
    in_base64,
    joined,
    mail,
    multipart,
    of_type,
    part,
)


def nested(depth: int, kind: bytes = b"mixed", boundary: bytes = b"b") -> bytes:
    """Multiparts within each other, none of them closed."""
    levels = b"".join(
        b"Content-Type: multipart/%s; boundary=%s%d\n\n--%s%d\n" % (kind, boundary, n, boundary, n) for n in range(depth)
    )
    return b"Subject: deep\n" + levels + b"\n" + TEXT


def nested_and_long(depth: int, lines: int) -> bytes:
    """A long text at the bottom of many multiparts: every line is compared with every boundary."""
    return nested(depth) + b"\n" * lines


def messages_in_messages(depth: int) -> bytes:
    """Forwarded as a message, again and again."""
    return b"Subject: outermost\n" + b"Content-Type: message/rfc822\n\nSubject: inner\n" * depth + b"\n" + TEXT


def alternating(depth: int) -> bytes:
    """Messages in multiparts in messages."""
    level = b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x%d\n\n--x%d\n"
    return b"Subject: both\n" + b"".join(level % (n, n) for n in range(depth)) + b"\n" + TEXT


def zip_bomb() -> bytes:
    """A zip file that unpacks to a thousand times its size."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.txt", bytes(5 * MEGABYTE))
    return multipart(part(b"text/plain"), attachment(packed.getvalue()))


def zip_in_zips(depth: int) -> bytes:
    """A zip file within zip files."""
    content = TEXT
    for _ in range(depth):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("inner.zip", content)
        content = packed.getvalue()
    return multipart(part(b"text/plain"), attachment(content))


def rfc822(*inner: bytes) -> bytes:
    """A part that is a message."""
    return part(b"message/rfc822", b"\n".join(inner))


MANY = b"".join(b"--edge\n\nx\n" for _ in range(100_000))
MIB = MEGABYTE
PLAIN, HTML = part(b"text/plain"), part(b"text/html", b"<p>hello</p>")
INVITATION = (
    b"BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTIMEZONE\nDESCRIPTION:not this\nEND:VTIMEZONE\nBEGIN:VEVENT\n"
    b'SUMMARY;ALTREP="cid:a:b":Budget\\, 2nd\n round\nLOCATION:Room 4\nDESCRIPTION:Bring figures\\nand coffee\n'
    b"BEGIN:VALARM\nDESCRIPTION:Reminder\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
)

STRUCTURES: dict[str, Builder] = {
    **{f"multiparts nested {depth} deep": partial(nested, depth) for depth in (19, 20, 21, 100, 250, 300, 1000, 10_000)},
    **{f"digests nested {depth} deep": partial(nested, depth, b"digest") for depth in (50, 1000)},
    **{f"messages nested {depth} deep": partial(messages_in_messages, depth) for depth in (2, 21, 200, 1000, 20_000)},
    **{f"messages in multiparts {depth} deep": partial(alternating, depth) for depth in (5, 90, 1000)},
    **{
        f"{lines} lines below {depth} boundaries": partial(nested_and_long, depth, lines)
        for depth, lines in ((15, 100_000), (240, 50_000), (240, 1_000_000), (1000, 5_000_000))
    },
    "boundaries that begin alike": lambda: nested(200, boundary=b"b" * 60),
    "one boundary for all levels": lambda: b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" * 500 + TEXT,
    "a hundred thousand parts": lambda: of_type(b"multipart/mixed; boundary=edge", MANY),
    "a thousand parts": lambda: multipart(*[PLAIN] * 1000),
    "a hundred thousand empty parts": lambda: of_type(b"multipart/mixed; boundary=e", b"--e\n" * 100_000),
    "a million lines that may be boundaries": lambda: of_type(b"multipart/mixed; boundary=edge", b"--\n" * MIB),
    "a hundred thousand delivery reports": lambda: of_type(b"message/delivery-status", b"A: b\n\n" * 100_000),
    "delivery reports in delivery reports": lambda: b"Content-Type: message/delivery-status\n\n" * 2000 + TEXT,
    "a delivery report of blank lines": lambda: of_type(b"message/delivery-status", b"\n" * 200_000),
    "a boundary that never comes": lambda: of_type(b"multipart/mixed; boundary=never"),
    "a boundary that is not named": lambda: of_type(b"multipart/mixed"),
    "an empty boundary": lambda: of_type(b'multipart/mixed; boundary=""', b"--\n\nx\n----\n"),
    "a boundary of blanks": lambda: of_type(b'multipart/mixed; boundary="   "', b"--   \n\nx\n"),
    "a boundary full of regular expressions": lambda: multipart(PLAIN, boundary=b"(a+)+$|[^"),
    "a boundary of one megabyte": lambda: multipart(PLAIN, boundary=b"b" * MIB),
    "a boundary in eight bits": lambda: multipart(PLAIN, boundary=b"\xff\xfe\x80"),
    "a boundary with null characters": lambda: multipart(PLAIN, boundary=b"a\x00b"),
    "a boundary in an unknown charset": lambda: of_type(b"multipart/mixed; boundary*=no-such''edge", joined(PLAIN)),
    "a boundary in punycode": lambda: of_type(b"multipart/mixed; boundary*=punycode''edge", joined(PLAIN)),
    "a boundary in pieces": lambda: of_type(b"multipart/mixed; boundary*0=ed; boundary*1=ge", joined(PLAIN)),
    "a boundary in endless pieces": lambda: of_type(
        b"multipart/mixed" + b"".join(b"; boundary*%d=x" % n for n in range(90_000))
    ),
    "a boundary with a piece of huge number": lambda: of_type(b"multipart/mixed; boundary*" + b"9" * 5000 + b"=x"),
    "two boundaries": lambda: of_type(b"multipart/mixed; boundary=one; boundary=edge", joined(PLAIN)),
    "a boundary within the text": lambda: multipart(part(b"text/plain", b"--edge--\n--edge\nmore\n")),
    "an outer boundary in an inner part": lambda: multipart(
        part(b"multipart/mixed; boundary=in", b"--in\n\nx\n--edge\n\ny\n--in--")
    ),
    "text before and after the parts": lambda: of_type(b"multipart/mixed; boundary=edge", TEXT + joined(PLAIN) + TEXT),
    "a closing boundary first": lambda: of_type(b"multipart/mixed; boundary=edge", b"--edge--\n\n--edge\n\nx\n"),
    "no closing boundary": lambda: multipart(PLAIN, HTML, end=b""),
    "an alternative without parts": lambda: multipart(kind=b"alternative"),
    "an alternative with an end only": lambda: of_type(b"multipart/alternative; boundary=edge", b"--edge--\n"),
    "an alternative of empty parts": lambda: multipart(b"", b"", kind=b"alternative"),
    "an alternative of two plain texts": lambda: multipart(PLAIN, PLAIN, kind=b"alternative"),
    "a related without a root": lambda: multipart(HTML, kind=b'related; start="<gone>"'),
    "an unknown kind of multipart": lambda: multipart(PLAIN, HTML, kind=b"nonsense"),
    "a multipart in base64": lambda: of_type(
        b"multipart/mixed; boundary=edge", in_base64(joined(PLAIN)), b"Content-Transfer-Encoding: base64"
    ),
    "a part without headers": lambda: multipart(b"\njust text"),
    "a part without a blank line": lambda: multipart(b"Content-Type: text/plain\nX: y"),
    "a part whose headers are text": lambda: multipart(b"this is no header\nand this neither\n\ntext"),
    "a single part in a multipart type of text": lambda: of_type(b"text/multipart; boundary=edge", joined(PLAIN)),
    "content types of nothing": lambda: of_type(b""),
    "a content type of a slash": lambda: of_type(b"/"),
    "a content type of many slashes": lambda: of_type(b"/" * 10_000),
    "a content type in eight bits": lambda: of_type(b"t\xe9xt/pl\xe4in; charset=\xff"),
    "a content type with null characters": lambda: of_type(b"text\x00/plain\x00; charset=utf-8"),
    "a hundred content types": lambda: mail(TEXT, *[b"Content-Type: multipart/mixed; boundary=b%d" % n for n in range(100)]),
    "a megabyte of semicolons": lambda: of_type(b"multipart/mixed" + b";" * MIB),
    "a megabyte of parameters": lambda: of_type(b"multipart/mixed" + b"; a=b" * 200_000),
    "a megabyte of quotes": lambda: of_type(b"multipart/mixed; a=" + b'"' * MIB),
    "a megabyte of open quotes and semicolons": lambda: of_type(b'multipart/mixed; a="' + b'";' * (MIB // 2)),
    "a zip bomb": zip_bomb,
    "zip files in zip files": lambda: zip_in_zips(200),
    "a bomb of gzip": lambda: multipart(PLAIN, attachment(b"\x1f\x8b\x08" + bytes(MIB), b"application/gzip", b"a.gz")),
    "an attachment of 30 MB": lambda: multipart(PLAIN, attachment(bytes(30 * MIB))),
    "twelve attachments of 3 MB": lambda: multipart(PLAIN, *[attachment(bytes(3 * MIB))] * 12),
    "an attachment of one line of 40 MB": lambda: multipart(PLAIN, attachment(b"") + b"QUJD" * 10 * MIB),
    "an attachment of very short lines": lambda: multipart(PLAIN, attachment(b"") + b"QQ\n" * 5 * MIB),
    "an attachment of dashes": lambda: multipart(PLAIN, attachment(b"") + b"\n--\n" * 5 * MIB),
    "an attachment without a name": lambda: multipart(PLAIN, attachment(b"x", name=b"")),
    "an attachment named like a path": lambda: multipart(PLAIN, attachment(b"x", name=b"../../../etc/passwd")),
    "an attachment named in two directions": lambda: multipart(PLAIN, attachment(b"x", name="invoice\u202efdp.exe".encode())),
    "an attachment named with line breaks": lambda: multipart(PLAIN, attachment(b"x", name=b"a\r\n b\x00c")),
    "an attachment with a name of one megabyte": lambda: multipart(PLAIN, attachment(b"x", name=b"n" * MIB)),
    "an attachment named in an unknown charset": lambda: multipart(part(b"a/b; name*=nothing''a%20b")),
    "an attachment named in punycode": lambda: multipart(part(b"a/b; name*=punycode''" + b"a" * MIB)),
    "an attachment named in an undefined charset": lambda: multipart(part(b"a/b; name*=undefined''x")),
    "an attachment named in escapes": lambda: multipart(part(b"a/b; name*=unicode_escape''%5Cq")),
    "an attachment named without charset": lambda: multipart(part(b"a/b; name*=%C3%A9")),
    "an attachment named with too few quotes": lambda: multipart(part(b"a/b; name*=utf-8'x")),
    "an attachment named in broken words": lambda: multipart(part(b'a/b; name="=?utf-8?b?a?="')),
    "a winmail.dat": lambda: multipart(
        PLAIN, attachment(b"\x78\x9f\x3e\x22" + bytes(2000), b"application/ms-tnef", b"winmail.dat")
    ),
    "a winmail.dat alone": lambda: of_type(
        b"application/ms-tnef; name=winmail.dat", in_base64(b"\x78\x9f\x3e\x22"), b"Content-Transfer-Encoding: base64"
    ),
    "a winmail.dat of garbage": lambda: multipart(
        attachment(bytes(range(256)) * 100, b"application/vnd.ms-tnef", b"winmail.dat")
    ),
    "an S/MIME envelope": lambda: of_type(
        b"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
        in_base64(bytes(5000)),
        b"Content-Transfer-Encoding: base64",
    ),
    "an S/MIME signature": lambda: multipart(
        PLAIN, attachment(bytes(999), b"application/pkcs7-signature", b"smime.p7s"), kind=b"signed"
    ),
    "an S/MIME envelope in another": lambda: multipart(
        attachment(bytes(9), b"application/x-pkcs7-mime", b"a.p7m"), kind=b"signed"
    ),
    "a PGP message": lambda: multipart(
        part(b"application/pgp-encrypted", b"Version: 1"),
        part(b"application/octet-stream", b"-----BEGIN PGP MESSAGE-----\n\nxx\n"),
        kind=b"encrypted",
    ),
    "a PGP signature": lambda: multipart(
        PLAIN, part(b"application/pgp-signature", b"-----BEGIN PGP SIGNATURE-----"), kind=b"signed"
    ),
    "a PGP message without its parts": lambda: multipart(kind=b"encrypted"),
    "an invitation alone": lambda: of_type(b"text/calendar; method=REQUEST; charset=utf-8", INVITATION),
    "an invitation beside text": lambda: multipart(PLAIN, part(b"text/calendar", INVITATION), kind=b"alternative"),
    "an invitation without end": lambda: of_type(b"text/calendar", b"BEGIN:VEVENT\n" * 100_000 + b"SUMMARY:x"),
    "an invitation that only ends": lambda: of_type(b"text/calendar", b"END:VEVENT\n" * 100_000),
    "an invitation of parameters": lambda: of_type(b"text/calendar", b"BEGIN:VEVENT\nSUMMARY" + b';a="b"' * 200_000 + b":x"),
    "an invitation of open quotes": lambda: of_type(b"text/calendar", b"BEGIN:VEVENT\n" + b'SUMMARY;"' * 100_000),
    "an invitation of folds": lambda: of_type(b"text/calendar", b"BEGIN:VEVENT\nSUMMARY:" + b"\n " * 500_000),
    "an invitation of 20 MB": lambda: of_type(b"text/calendar", b"BEGIN:VEVENT\n" + b"SUMMARY:meet\\nagain\n" * MIB),
    "an invitation in garbage": lambda: of_type(b"text/calendar", bytes(range(256)) * 40, b"Content-Transfer-Encoding: base64"),
    "a message within a message": lambda: multipart(PLAIN, rfc822(mail())),
    "a message within a message and no text": lambda: multipart(rfc822(mail())),
    "a message of HTML and no text around it": lambda: multipart(rfc822(of_type(b"text/html", b"<p>hello</p>"))),
    "a message within a message in base64": lambda: multipart(
        part(b"message/rfc822", in_base64(mail()), b"Content-Transfer-Encoding: base64")
    ),
    "an empty message within a message": lambda: multipart(rfc822(b"")),
    "messages in messages in messages": lambda: multipart(rfc822(multipart(rfc822(mail()), boundary=b"in")), boundary=b"out"),
    "a thousand messages": lambda: multipart(*[rfc822(mail())] * 1000, kind=b"digest"),
    "a piece of a message": lambda: of_type(b'message/partial; id="a"; number=2; total=900000'),
    "a message that lies elsewhere": lambda: of_type(b"message/external-body; access-type=local-file; name=/etc/passwd"),
    "a message of unknown type": lambda: of_type(b"message/whatever", mail()),
    "headers of a message as text": lambda: of_type(b"text/rfc822-headers", b"A: b\n" * 1000),
}
