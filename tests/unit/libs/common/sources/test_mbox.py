"""Messages begin and end where the stdlib sees them, in one stretch or in many."""

import mailbox
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.sources.mbox import MboxStretch, stretches_of

LINES = st.sampled_from(
    [b"\n", b"\r\n", b"From a\n", b"From b\r\n", b">From c\n", b" From d\n", b"From", b"From ", b"From: e\n", b"x\n", b"x"]
)


def as_the_stdlib_reads(path: Path) -> list[bytes]:
    box = mailbox.mbox(path, create=False)
    try:
        return [box.get_bytes(key) for key in box.iterkeys()]
    finally:
        box.close()


def read(*stretches: MboxStretch) -> list[tuple[str, bytes | None]]:
    return [(mail.origin, mail.raw) for stretch in stretches for mail in stretch.read()]


@given(st.lists(LINES, max_size=40).map(b"".join), st.integers(1, 60), st.integers(1, 20))
def test_every_message_is_the_one_that_the_stdlib_sees(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, stretch_bytes: int, block_bytes: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mbox"
    path.write_bytes(content)
    expected = [(f"any.mbox#{number}", raw) for number, raw in enumerate(as_the_stdlib_reads(path))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("libs.common.sources.mbox._BLOCK_BYTES", block_bytes)
        assert read(*stretches_of(path)) == expected
        assert read(*stretches_of(path, stretch_bytes)) == expected


def test_a_large_mbox_is_cut_into_stretches_that_can_be_read_in_any_order(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "sent.mbox")
    for number in range(300):
        box.add(f"Subject: {number}\n\nFrom here on\nit is the body of {number}\n".encode())
    box.close()
    cut = stretches_of(tmp_path / "sent.mbox", 4096)
    assert len(cut) > 5
    assert all(before.end == after.begin for before, after in pairwise(cut))
    assert [stretch.mails for stretch in cut] == [len(list(stretch.read())) for stretch in cut]
    whole = read(*stretches_of(tmp_path / "sent.mbox"))
    assert len(whole) == 300
    assert sorted(read(*reversed(cut))) == sorted(whole)
    assert {mail.place for mail in cut[-1].read()} == {"sent"}


def test_a_file_without_a_message_has_no_stretch(tmp_path: Path) -> None:
    (tmp_path / "none.mbox").write_bytes(b"To whom it may concern\n")
    assert stretches_of(tmp_path / "none.mbox") == ()
