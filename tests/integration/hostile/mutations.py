"""Messages damaged at random, from a seed: the same seed makes the same message."""

import random
from functools import cache

from tests.integration.hostile.contents import ENCODINGS, MARKUP, UNICODE, charset, html, text
from tests.integration.hostile.structures import INVITATION
from tests.integration.hostile.wire import TEXT, attachment, mail, multipart, of_type, part

LONGEST = 4_000
# What means something to a parser, for putting where it does not belong.
TOKENS = (
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\x00",
    b"--edge\n",
    b"--edge--\n",
    b"\n--in\n\n",
    b"=?utf-8?q?",
    b"?=",
    b"=?utf-8?b?w6k=?=",
    b"<!--",
    b"-->",
    b"<div hidden>",
    b"<script>",
    b"</p>",
    b"&#x41;",
    b"&#99999999999999999999;",
    b'"',
    b";",
    b"boundary=edge",
    b"; charset=utf-16",
    b"Content-Type: ",
    b"Content-Type: multipart/mixed; boundary=in\n\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"text/html",
    b"message/delivery-status",
    b"BEGIN:VEVENT\nSUMMARY:",
    b"END:VEVENT\n",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xcc\x81" * 300,
    b"\xff\xfe",
    b"> ",
    b"-----Original Message-----\n",
    b"-- \n",
    b"Anna wrote:\n",
    b"http://a.example/",
    b'<a href="//b">c.example</a>',
    b"(" * 400,
    b"<a@b>",
    b"=E2=80",
    b"*0*=",
)


@cache
def originals() -> tuple[bytes, ...]:
    """Sound messages, and the shorter of the hostile ones."""
    plain, rich = (
        part(b"text/plain; charset=utf-8"),
        part(b"text/html; charset=utf-8", b"<p>Dear <b>team</b>,</p><p hidden>x</p>"),
    )
    message = part(b"message/rfc822", mail())
    inner = multipart(plain, rich, kind=b"alternative", boundary=b"in").partition(b"MIME-Version: 1.0\n")[2]
    sound = (
        mail(),
        mail(
            "Grüße: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n> quoted\n-- \nAnna".encode(),
            b"References: <a@b> <c@d>",
            b"Date: Mon, 1 Jan 2024 10:00:00 +0100",
        ),
        multipart(plain, rich, kind=b"alternative"),
        multipart(inner, attachment(TEXT), message),
        multipart(message),
        multipart(plain, part(b"text/calendar", INVITATION)),
        of_type(b"text/calendar", INVITATION),
        of_type(b"message/delivery-status", b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; b@c\nStatus: 5.1.1\n"),
        multipart(plain, attachment(bytes(90), b"application/ms-tnef", b"winmail.dat")),
        multipart(plain, part(b"application/pgp-signature"), kind=b"signed"),
        *(charset(name) for name in (b"utf-7", b"iso-2022-jp", b"utf-16")),
    )
    hostile = (*ENCODINGS.values(), *map(html, MARKUP.values()), *map(text, UNICODE.values()))
    return sound + tuple(message[:LONGEST] for message in hostile)


def mutated(seed: int) -> bytes:
    """One message with up to twelve kinds of damage."""
    chance = random.Random(seed)
    message = bytearray(chance.choice(originals()))
    for _ in range(chance.randint(1, 12)):
        damage = chance.choice((_flip, _insert, _insert, _delete, _repeat, _swap, _splice))
        damage(message, chance)
        del message[LONGEST:]
    return bytes(message) or b"x"


def _place(message: bytearray, chance: random.Random) -> int:
    # Headers and boundaries lie at the beginning: half of the damage is done there.
    return chance.randint(0, min(len(message), chance.choice((600, LONGEST))))


def _stretch(message: bytearray, chance: random.Random) -> slice:
    start = _place(message, chance)
    return slice(start, start + chance.choice((1, 5, 40, 400)))


def _flip(message: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 20)):
        at = _place(message, chance)
        message[at : at + 1] = bytes([chance.randrange(256)])


def _insert(message: bytearray, chance: random.Random) -> None:
    at = _place(message, chance)
    message[at:at] = chance.choice(TOKENS) * chance.choice((1, 1, 1, 2, 30))


def _delete(message: bytearray, chance: random.Random) -> None:
    del message[_stretch(message, chance)]


def _repeat(message: bytearray, chance: random.Random) -> None:
    stretch = _stretch(message, chance)
    message[stretch] = message[stretch] * chance.choice((2, 3, 50))


def _swap(message: bytearray, chance: random.Random) -> None:
    lines = bytes(message).split(b"\n")
    here, there = (chance.randrange(len(lines)) for _ in range(2))
    lines[here], lines[there] = lines[there], lines[here]
    message[:] = b"\n".join(lines)


def _splice(message: bytearray, chance: random.Random) -> None:
    other = chance.choice(originals())
    at = _place(message, chance)
    message[at:at] = other[_stretch(message, chance)]
