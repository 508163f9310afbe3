"""Hostile bodies: charsets, transfer encodings, markup, Unicode, and sheer size."""

from tests.integration.hostile.wire import MEGABYTE, TEXT, Builder, html, in_base64, mail, multipart, of_type, part

MIB = MEGABYTE
GARBAGE = bytes((n * n * 31 + n) % 256 for n in range(20_000))


def charset(name: bytes, content: bytes = TEXT + GARBAGE) -> bytes:
    """A text in this charset, or so it claims."""
    return of_type(b'text/plain; charset="%s"' % name, content)


def encoded(encoding: bytes, content: bytes) -> bytes:
    """A text in this transfer encoding, or so it claims."""
    return of_type(b"text/plain; charset=utf-8", content, b"Content-Transfer-Encoding: " + encoding)


def text(content: str) -> bytes:
    """A text in UTF-8."""
    return of_type(b"text/plain; charset=utf-8", content.encode("utf-8", "surrogatepass"))


CHARSETS = [
    *(b"us-ascii", b"utf-8", b"utf-7", b"utf-16", b"utf-16-le", b"utf-32", b"iso-8859-1", b"iso-8859-8-i", b"windows-1252"),
    *(b"gb2312", b"gb18030", b"hz", b"big5", b"iso-2022-jp", b"iso-2022-kr", b"shift_jis", b"euc-kr", b"koi8-r", b"koi8-u"),
    *(b"x-user-defined", b"unknown-8bit", b"no-such-charset", b"", b"''", b"\xff\xfe", b"a\x00b", b"../utf-8", b"utf-8;x"),
    *(b"punycode", b"idna", b"rot13", b"zlib", b"bz2", b"hex", b"base64", b"uu", b"quopri", b"undefined", b"unicode_escape"),
    *(b"raw_unicode_escape", b"mbcs", b"oem", b"utf-8-sig", b"palmos", b"cp037", b"mac-roman", b"c" * 100_000),
]
ENCODINGS = {
    "base64 of garbage": encoded(b"base64", GARBAGE),
    "base64 without padding": encoded(b"base64", b"QQ"),
    "base64 of one character": encoded(b"base64", b"Q"),
    "base64 of padding": encoded(b"base64", b"=" * 1000),
    "base64 with text behind it": encoded(b"base64", in_base64(TEXT) + b"\n-- \nA list's footer, in plain text!\n"),
    "base64 in capital letters": encoded(b"BASE64", in_base64(TEXT)),
    "quoted-printable of garbage": encoded(b"quoted-printable", GARBAGE),
    "quoted-printable of equals signs": encoded(b"quoted-printable", b"=" * 100_000),
    "quoted-printable cut short": encoded(b"quoted-printable", b"caf=C3=A"),
    "quoted-printable of null characters": encoded(b"quoted-printable", b"=00" * 1000),
    "quoted-printable of soft breaks": encoded(b"quoted-printable", b"=\n" * 100_000),
    "uuencode of garbage": encoded(b"x-uuencode", GARBAGE),
    "uuencode without end": encoded(b"uuencode", b"begin 644 x\n" + b"M" * 61 + b"\n"),
    "uuencode that only begins": encoded(b"x-uue", b"begin 644 ../../x\n" * 1000),
    "binary": encoded(b"binary", GARBAGE),
    "yenc": encoded(b"yenc", GARBAGE),
}
MARKUP = {
    "elements a hundred thousand deep": b"<div>" * 100_000 + b"text",
    "tables in tables": b"<table><tr><td>" * 50_000 + b"text",
    "hidden elements in hidden elements": b"<div hidden>" * 50_000 + b"text",
    "ends without beginnings": b"</div>" * 100_000 + b"text",
    "an unclosed comment": b"seen<!--" + b"x" * MIB,
    "comments that only begin": b"<!--" * 200_000,
    "comments that only end": b"-->" * 200_000,
    "comments in comments": b"<!-- <!-- " * 50_000 + b"--> " * 50_000,
    "an unclosed tag": b"<a href='" + b"x" * MIB,
    "an unclosed quote": b'<a title="' + b"<p>" * 100_000,
    "less-than signs": b"<" * MIB,
    "greater-than signs": b">" * MIB,
    "megabytes of tags": b"<b></b>" * 500_000,
    "megabytes of entities": b"&amp;" * 500_000,
    "ampersands": b"&" * MIB,
    "an entity of digits": b"&#" + b"9" * 100_000 + b";",
    "entities of digits": (b"&#" + b"1" * 5000 + b";") * 30,
    "an entity of zeros": b"&#" + b"0" * 5000 + b"65;",
    "an entity of hexadecimal digits": b"&#x" + b"f" * 100_000 + b";",
    "entities of what is no character": b"&#0;&#55296;&#xDFFF;&#1114112;&#xFFFFFFFF;&#128;",
    "entities that break lines": b"&#13;&#10;&NewLine;&Tab;" * 10_000,
    "a tag with a name of a megabyte": b"<" + b"a" * MIB + b">",
    "a tag of a hundred thousand attributes": b"<p" + b" a=b" * 100_000 + b">x",
    "a style of blanks": b'<p style="display' + b" " * 200_000 + b':none">x',
    "styles of blanks": b'<p style="display   font-size   visibility   ">' * 20_000,
    "an unclosed script": b"<script>" + b"x" * MIB,
    "scripts in scripts": b"<script><script></script>" * 20_000 + b"text",
    "ten thousand links": b'<a href="http://a.example/">http://b.example/</a>' * 10_000,
    "links that never end": b'<a href="http://a.example/">' * 20_000,
    "a link to a megabyte": b'<a href="http://' + b"a." * 500_000 + b'">x</a>',
    "links to nonsense": b'<a href="http://[::1">x</a><a href=//>y</a><a href="http://\xef\xbc\x8f@/">z</a><a href=>v</a>',
    "ten thousand images": b'<img width="1" height="1" src="http://a.example/x.gif">' * 10_000,
    "images that never end": b"<img width=1 " * 20_000,
    "null characters in tags": b"<scr\x00ipt>alert(1)</scr\x00ipt><p sty\x00le='display:none'>x",
    "XML with entities in entities": b'<!DOCTYPE x [<!ENTITY a "&a;&a;">' * 1000 + b"]>&a;",
    "conditional comments": b"<!--[if mso]><p>x</p><![endif]-->" * 10_000,
    "a data link of a megabyte": b'<img src="data:image/png;base64,' + b"A" * MIB + b'">',
}
UNICODE = {
    "ten thousand zero-width spaces": "a\u200b" * 100_000,
    "words of two directions": "\u202e\u2066evil\u2069\u202c " * 50_000,
    "directions that are never closed": "\u202e" * 200_000,
    "marks on a letter": "a" + "\u0301" * 200_000,
    "marks on a letter, out of order": "a" + "\u0301\u0323" * 100_000,
    "halfwidth marks, out of order": "a" + "\u0301\uff9e" * 100_000,
    "marks of many classes": "a" + "\u0301\u0323\u031b\u0321\u0334\u0345\u05b0\u064b\u0f71\u3099" * 20_000,
    "a word of every script": "Ѕсhооl раураl αpple գործ Ꭺpple " * 5000,
    "letters that become eighteen": "\ufdfa" * 200_000,
    "letters in circles": "\u24b6\u24d1\U0001d400" * 60_000,
    "invisible tags": "".join(chr(0xE0000 + ord(sign)) for sign in "hidden words") * 10_000,
    "variation selectors": "a\ufe0f\U000e0100" * 50_000,
    "emoji joined to each other": "\U0001f468\u200d" * 100_000,
    "lone surrogates": "a\ud800b\udfff" * 10_000,
    "private characters": "\ue000\U000f0000\U0010ffff" * 50_000,
    "what is no character": "\ufffe\uffff\ufdd0" * 50_000,
    "replacement characters": "\ufffd" * 200_000,
    "text mended over and over": "Ã\u0083Â\u0083Ã\u0082Â\u0083" * 30_000,
    "text that nothing mends": "â\u0080\u0093Ãƒâ€šÃ‚ Ð¿Ñ€Ð¸ ï»¿" * 10_000,
    "control characters": "".join(map(chr, [*range(32), *range(127, 160)])) * 3000,
    "line separators": "a\u2028b\u2029c\x85d\x0be\x0cf" * 30_000,
    "combining Hangul": "\u1100\u1161\u11a8" * 70_000,
    "one word of a megabyte": "w" * MIB,
    "one word of every letter": "".join(chr(n) for n in range(0xA0, 0xD800)) * 4,
    "blanks of every kind": "\u00a0\u1680\u2000\u2003\u202f\u3000\t " * 50_000,
    "quotation marks on every line": "> " * 100 + ("> > | >" * 100 + "\n") * 300,
    "introductions on every line": ("On Monday " + "w" * 150 + " wrote\n") * 1000,
    "forward marks on every line": ("--forwarded by" + "-" * 180 + "x\n") * 1000,
    "forward marks of blanks and dashes": ("-----Original Message" + " -" * 85 + "x\n") * 1000,
    "signatures on every line": "--\nAnna\n" * 30_000,
    "sign-offs on every line": "Best regards,\n" * 30_000,
    "addresses of links": "http://" * 50_000,
    "links of at signs": ("https://" + "a@" * 100 + "\n") * 900,
    "a link of a megabyte": "https://example.com/" + "a" * MIB,
}
SIZES: dict[str, Builder] = {
    "a body of 50 MB": lambda: mail(TEXT * (50 * MIB // len(TEXT))),
    "a body of 50 MB in base64": lambda: encoded(b"base64", in_base64(TEXT * (37 * MIB // len(TEXT)))),
    "a body of 50 MB in quoted-printable": lambda: encoded(b"quoted-printable", b"caf=C3=A9 =\n" * (4 * MIB)),
    "a body of 50 MB in eight bits": lambda: mail("Grüße aus Köln\n".encode() * (50 * MIB // 18)),
    "a body of 50 MB of HTML": lambda: html(b"<p>hello &amp; good bye</p>\n" * (2 * MIB)),
    "a body of 50 MB in a line": lambda: mail(b"x" * 50 * MIB),
    "a body of 50 MB of line ends": lambda: mail(b"\n" * 50 * MIB),
    "a body of 50 MB of returns": lambda: mail(b"\r" * 50 * MIB),
    "a body of 50 MB of words": lambda: mail(b"a b c d e " * 5 * MIB),
    "a body of 50 MB of emoji": lambda: mail("😀".encode() * (12 * MIB)),
    "a body of 50 MB of null characters": lambda: mail(bytes(50 * MIB)),
    "a body of 50 MB beside another": lambda: multipart(part(b"text/plain"), part(b"text/html", b"<b>x</b>" * (6 * MIB))),
    "50 MB of nothing but text": lambda: b"x" * 50 * MIB,
    "50 MB of blanks and a letter": lambda: b" " * 50 * MIB + b"x",
    "50 MB of dashes": lambda: mail(b"\n--edge" * (7 * MIB), b"Content-Type: multipart/mixed; boundary=edge"),
    "one byte": lambda: b"x",
    "one line end and a letter": lambda: b"\nx",
    "a colon": lambda: b":",
}
CONTENTS: dict[str, Builder] = {
    **{f"a text in the charset {name[:20].decode('latin-1')!r}": lambda name=name: charset(name) for name in CHARSETS},
    "a text of a megabyte in punycode": lambda: charset(b"punycode", b"a" * MIB + b"-" + b"b" * MIB),
    "a text of a megabyte in idna": lambda: charset(b"idna", b"a." * (MIB // 2)),
    "a charset in two languages": lambda: of_type(b"text/plain; charset*=utf-8'en'utf-8"),
    "a charset in eight bits": lambda: of_type(b"text/plain; charset*=\xff''x"),
    **{name: lambda raw=raw: raw for name, raw in ENCODINGS.items()},
    **{f"HTML: {name}": lambda markup=markup: html(markup) for name, markup in MARKUP.items()},
    **{f"Unicode: {name}": lambda content=content: text(content) for name, content in UNICODE.items()},
    **{
        f"Unicode in HTML: {name}": lambda content=content: html(content.encode("utf-8", "surrogatepass"))
        for name, content in UNICODE.items()
    },
    **{
        f"Unicode in the subject: {name}": lambda content=content: (
            b"Subject: " + content.encode("utf-8", "surrogatepass").replace(b"\n", b" ") + b"\n\nx"
        )
        for name, content in UNICODE.items()
    },
    **SIZES,
}
