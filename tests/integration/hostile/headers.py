"""Hostile headers: endless, countless, injected, encoded to break what decodes them."""

from tests.integration.hostile.wire import MEGABYTE, TEXT, Builder, mail

MIB = MEGABYTE


def with_header(name: bytes, value: bytes) -> bytes:
    """A message whose first header is this one."""
    return name + b": " + value + b"\nFrom: anna@example.com\n\n" + TEXT


def subject(value: bytes) -> bytes:
    """A message with this subject."""
    return with_header(b"Subject", value)


def date(value: bytes) -> bytes:
    """A message with this date."""
    return with_header(b"Date", value)


DATES = {
    "before Christ": b"Wed, 17 Jul -102 09:53:05 -0200",
    "of the year 102": b"Wed, 17 Jul 0102 09:53:05 -0200",
    "of the year 10 000": b"Wed, 17 Jul 10000 09:53:05 +0000",
    "of the 99th of a month": b"Mon, 99 Jan 2020 00:00:00 +0000",
    "at 99 o'clock": b"Mon, 1 Jan 2020 99:99:99 +0000",
    "in a zone without end": b"Mon, 1 Jan 2020 00:00:00 +" + b"9" * 30,
    "in a zone far away": b"Mon, 1 Jan 2020 00:00:00 +9999",
    "of digits": b"9" * 100_000,
    "of words": b"yesterday at noon",
    "of nothing": b"",
    "of one megabyte": b"Mon, 1 Jan 2020 " * 60_000,
    "of commas": b"," * 10_000,
    "of colons": b":" * 10_000,
    "with null characters": b"Mon, 1 Jan\x00 2020 00:00:00 +0000",
    "at the end of time": b"Fri, 31 Dec 9999 23:59:59 -2359",
    "at the beginning of time": b"Mon, 1 Jan 0001 00:00:00 +2359",
    "in encoded words": b"=?utf-8?q?Mon=2C_1_Jan_2020?=",
    "in eight bits": b"Mon, 1 J\xe4n 2020 00:00:00 +0000",
}
WORDS = {
    "that never end": b"=?utf-8?q?" * 100_000,
    "that never begin": b"?=" * 500_000,
    "of question marks": b"=?" * 500_000,
    "whose base64 is one character": b"=?utf-8?b?a?=",
    "whose base64 is padding": b"=?utf-8?b?====?=",
    "whose base64 is garbage": b"=?utf-8?b?\xff\xfe!!?=",
    "whose quoted-printable is garbage": b"=?utf-8?q?=ZZ=1=?=",
    "of no charset": b"=??q?abc?=",
    "of no encoding": b"=?utf-8??abc?=",
    "of no content": b"=?utf-8?q??=",
    "of an unknown charset": b"=?no-such-charset?q?abc=E9?=",
    "of an unknown encoding": b"=?utf-8?x?abc?=",
    "in each other": b"=?utf-8?q?=3D=3Futf-8=3Fq=3Fabc=3F=3D?=",
    "in pieces of a character": b"=?utf-8?b?w6k=?= =?utf-8?b?ww==?= =?utf-8?b?qQ==?=",
    "of a megabyte": b"=?utf-8?b?" + b"QUJD" * (MIB // 4) + b"?=",
    "without number": b"=?utf-8?q?a?= " * 80_000,
    "of two languages": b"=?utf-8*en?q?abc?=",
    "with line breaks": b"=?utf-8?q?a=0D=0ABcc:_evil@example.com=0D=0A=0D=0Abody?=",
    "with null characters": b"=?utf-8?q?a=00b=00?=",
    "with lone surrogates": b"=?utf-7?q?+2AA-?= =?utf-16?b?ANg=?=",
    "in two directions": b"=?utf-8?q?=E2=80=AEgpj.exe?=",
    "in punycode": b"=?punycode?q?" + b"a" * 7000 + b"-" + b"b" * 90_000 + b"?=",
    "in idna": b"=?idna?q?" + b"a." * 40_000 + b"?=",
    "in rot13": b"=?rot13?q?uryyb?=",
    "in zlib": b"=?zlib?b?eJw=?=",
    "in escapes": b"=?unicode_escape?q?=5Cq=5Cx?=",
    "in undefined": b"=?undefined?q?abc?=",
    "in a charset with a null character": b"=?utf-8\x00?q?abc?=",
    "in a charset of a megabyte": b"=?" + b"u" * MIB + b"?q?abc?=",
    "in a charset named like a path": b"=?../../etc/passwd?q?abc?=",
    "beside eight bits": b"gr\xfc\xdfe =?utf-8?q?abc?= \xff",
}
ADDRESSES = {
    "of a megabyte": b"a" * MIB + b"@example.com",
    "with a domain of a megabyte": b"a@" + b"b." * (MIB // 2),
    "of comments in comments": b"(" * 100_000,
    "of closed comments in comments": b"(" * 5000 + b")" * 5000 + b" a@example.com",
    "of groups in groups": b"a:" * 100_000,
    "of groups without end": b"g:" + b"a@b.c," * 100_000,
    "of short members": b"g:" + b"a," * 300_000,
    "of angles": b"<" * 100_000,
    "of commas": b"," * 500_000,
    "of at signs": b"@" * 500_000,
    "of quotes": b'"' * 100_001,
    "of backslashes": b'"' + b"\\" * 100_000,
    "of literals": b"a@" + b"[" * 100_000,
    "of dots": b"a@" + b"." * 100_000,
    "of routes": b"<" + b"@a," * 50_000 + b":x@y>",
    "of blanks": b" " * MIB + b"a@b.c",
    "with line breaks in quotes": b'"a\r\n b\n\tc"@example.com',
    "with null characters": b"a\x00@exam\x00ple.com",
    "in eight bits": b"\xff\xfe <\xe9@\xfc.com>",
    "in encoded words": b"=?utf-8?q?evil=40example.com?= <a@b.c>",
    "of fifty thousand people": b", ".join(b"p%d@example.com" % n for n in range(50_000)),
    "of nobody": b"undisclosed-recipients:;",
    "of nothing": b"",
    "of two directions": "\u202emoc.elpmaxe@a".encode(),
}
HEADERS: dict[str, Builder] = {
    **{f"a date {name}": lambda value=value: date(value) for name, value in DATES.items()},
    **{f"a subject in words {name}": lambda value=value: subject(value) for name, value in WORDS.items()},
    **{f"a sender {name}": lambda value=value: with_header(b"From", value) for name, value in ADDRESSES.items()},
    **{f"recipients {name}": lambda value=value: with_header(b"To", value) for name, value in ADDRESSES.items()},
    "a hundred thousand headers": lambda: mail(TEXT, *[b"X-%d: y" % n for n in range(100_000)]),
    "a hundred thousand subjects": lambda: mail(TEXT, *[b"Subject: number %d" % n for n in range(100_000)]),
    "a hundred thousand recipients' headers": lambda: mail(TEXT, *[b"To: p%d@example.com" % n for n in range(100_000)]),
    "a million headers": lambda: b"a: b\n" * MIB + b"\n" + TEXT,
    "a header of 20 MB": lambda: with_header(b"X-Long", b"x" * 20 * MIB),
    "a header of a million folds": lambda: with_header(b"Subject", b"x\n " * MIB),
    "a header without a name": lambda: b": nothing\nSubject: x\n\n" + TEXT,
    "a header's name of a megabyte": lambda: b"N" * MIB + b": x\nSubject: y\n\n" + TEXT,
    "a header's name in eight bits": lambda: b"S\xfcbject: x\nSubject: y\n\n" + TEXT,
    "a header without a colon": lambda: b"Subject: x\nthis is none\nFrom: a@b.c\n\n" + TEXT,
    "a fold before any header": lambda: b" folded\nSubject: x\n\n" + TEXT,
    "headers only": lambda: b"Subject: x\nFrom: a@b.c",
    "headers without end": lambda: b"Subject: x\n" + b"X: y\n" * 400_000,
    "no headers": lambda: b"\n" + TEXT,
    "text in place of headers": lambda: TEXT * 1000,
    "carriage returns for line ends": lambda: mail().replace(b"\n", b"\r"),
    "carriage returns of a million lines": lambda: mail(b"x\r" * MIB).replace(b"\n", b"\r"),
    "mixed line ends": lambda: b"Subject: x\r\nFrom: a@b.c\n\r\n\rtext\r\n\n\rmore",
    "a mailbox's first line": lambda: b"From anna@example.com Mon Jan  1 00:00:00 2020\n" + mail(),
    "a mailbox's first line in the middle": lambda: b"Subject: x\nFrom anna Mon\nTo: a@b.c\n\n" + TEXT,
    "null characters everywhere": lambda: mail().replace(b"e", b"\x00"),
    "null characters only": lambda: bytes(1000),
    "a megabyte of null characters": lambda: mail(bytes(MIB)),
    "every byte there is": lambda: bytes(range(256)) * 50,
    "injected headers": lambda: subject(b"x\r\nBcc: everyone@example.com\r\nContent-Type: text/html\r\n\r\n<p>hi"),
    "an injected header behind a return": lambda: subject(b"x\rBcc: everyone@example.com"),
    "an injected header behind a form feed": lambda: subject(b"x\x0bBcc: a@b.c\x0c\x85\x1c\x1d\xe2\x80\xa8Cc: b@c.d"),
    "escapes for a terminal": lambda: subject(b"\x1b[2J\x1b]0;owned\x07"),
    "a message id of a megabyte": lambda: with_header(b"Message-ID", b"<" + b"x" * MIB + b">"),
    "a message id with line breaks": lambda: with_header(b"Message-ID", b"<a\n b@c>"),
    "message ids in each other": lambda: with_header(b"Message-ID", b"<" * 100_000 + b"a@b>"),
    "references without number": lambda: with_header(b"References", b"<a@b> " * 200_000),
    "references of angles": lambda: with_header(b"References", b"<" * MIB),
    "a reply of replies": lambda: subject(b"Re: " * 200_000 + b"x"),
    "a reply of blanks": lambda: subject(b"Re" + b" " * MIB + b"x"),
    "a reply of counts": lambda: subject(b"Re" + b"[1]" * 300_000),
    "a subject of blanks": lambda: subject(b" \t" * MIB),
    "a subject of marks on a letter": lambda: subject(b"a" + "\u0301\u0323".encode() * 100_000),
    "an encoding of a megabyte": lambda: mail(TEXT, b"Content-Transfer-Encoding: " + b"x" * MIB),
    "an unknown encoding": lambda: mail(TEXT, b"Content-Transfer-Encoding: quantum"),
    "two encodings": lambda: mail(TEXT, b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: 7bit"),
    "a disposition of nothing": lambda: mail(TEXT, b"Content-Disposition:"),
    "a disposition of a megabyte": lambda: mail(TEXT, b"Content-Disposition: attachment" + b"; filename=x" * 80_000),
    "a disposition in eight bits": lambda: mail(TEXT, b"Content-Disposition: attachment; filename=\xff\xfe"),
}
