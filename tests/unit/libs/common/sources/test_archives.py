"""An archive reads as what was packed, and a hostile or broken one is refused by the name of the member."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import DataError
from libs.common.sources import archives
from libs.common.sources.raw_mail import RawMail, read_mail
from libs.common.sources.raw_source import RawSource, find_source

PACKED = ["m.zip", "m.tar", "m.tar.gz", "m.tgz"]
TABLE = b"subject,label\nhello,a\nworld,b\n"
MBOX = b"From x\nSubject: one\n\nbody\n\nFrom y\nSubject: two\n\nbody\n"


def mail(subject: str) -> bytes:
    return f"Subject: {subject}\nMessage-ID: <{subject}@x>\n\nbody of {subject}\n".encode()


def packed(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def tar_of(path: Path, change: Callable[[tarfile.TarInfo], None]) -> Path:
    entry = tarfile.TarInfo("spam/odd.eml")
    change(entry)
    with tarfile.open(path, "w") as archive:
        archive.addfile(entry)
    return path


def opened(path: Path, tmp_path: Path) -> RawSource:
    return find_source(str(path), tmp_path / "landing")


def rows(source: RawSource) -> list[tuple[str, str, str]]:
    mails = [mail for stretch in source.stretches for mail in stretch.read()]
    return [(read_mail(mail, str).email.subject, label(mail), mail.origin) for mail in mails]


def label(mail: RawMail) -> str:
    return mail.place or mail.columns["label"]


def refused(path: Path, tmp_path: Path, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        assert opened(path, tmp_path).stretches
    assert caught.value.hint
    assert path.name in caught.value.message
    left = [found for found in tmp_path.rglob("*") if found.name.startswith("escaped")]
    assert left == []


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_of_a_folder_reads_as_the_folder_whatever_packs_it(tmp_path: Path, name: str) -> None:
    members = {"c/spam/2.eml": mail("2"), "c/spam/1.txt": mail("1"), "c/ham/3.eml": mail("3"), "c/ham/skipped.jpg": b"jpg"}
    for place, content in members.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(content)
    plain, unpacked = opened(tmp_path / "c", tmp_path), opened(packed(tmp_path / name, members), tmp_path)
    assert rows(unpacked) == rows(plain)
    assert [row[1] for row in rows(unpacked)] == ["ham", "spam", "spam"]
    assert unpacked.digest == plain.digest
    assert rows(opened(tmp_path / name, tmp_path)) == rows(plain), "the same archive may be named twice in a build"


@pytest.mark.parametrize("name", PACKED)
def test_mails_at_the_top_are_labelled_by_the_name_of_the_archive(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name.replace("m.", "Billing."), {"1.eml": mail("1"), "2.eml": mail("2")})
    assert rows(opened(path, tmp_path)) == [("1", "Billing", "1.eml"), ("2", "Billing", "2.eml")]


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_of_one_table_or_one_mbox_reads_as_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "mails.csv").write_bytes(TABLE)
    table = opened(packed(tmp_path / name, {"export/mails.csv": TABLE}), tmp_path)
    assert rows(table) == [("hello", "a", "mails.csv#0"), ("world", "b", "mails.csv#1")]
    assert table.digest == opened(tmp_path / "mails.csv", tmp_path).digest
    for member in ("Takeout/Mail/inbox.mbox", "inbox"):
        box = opened(packed(tmp_path / f"box-{name}", {member: MBOX}), tmp_path)
        assert [(subject, label) for subject, label, _ in rows(box)] == [("one", "inbox"), ("two", "inbox")]


def test_a_maildir_and_what_macos_adds_are_told_apart(tmp_path: Path) -> None:
    members = {
        "box/cur/1:2,S": mail("top"),
        "box/.sales/new/2": mail("below"),
        "__MACOSX/box/._1.eml": b"\0\5\26\7",
        "box/._x.eml": b"\0",
    }
    found = rows(opened(packed(tmp_path / "m.zip", members), tmp_path))
    assert sorted(row[:2] for row in found) == [("below", "sales"), ("top", "box")]


def test_folders_separated_as_windows_does_are_folders(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.zip", {"spam\\": b"", "spam\\1.eml": mail("1"), "ham\\2.eml": mail("2")})
    assert [row[1] for row in rows(opened(path, tmp_path))] == ["ham", "spam"]


def test_a_name_that_is_no_utf8_is_still_a_label(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "m.tar", "w", encoding="latin-1", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo("c/Büro/1.eml")
        entry.size = len(mail("1"))
        archive.addfile(entry, io.BytesIO(mail("1")))
        other = tarfile.TarInfo("c/x.jpg")
        archive.addfile(other)
    assert rows(opened(tmp_path / "m.tar", tmp_path)) == [("1", "B\ufffdro", "B\ufffdro/1.eml")]


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("member", ["../escaped.eml", "/tmp/escaped.eml", "a/../../escaped.eml", "a/" * 70 + "escaped.eml"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, member: str) -> None:
    refused(packed(tmp_path / name, {"1.eml": mail("1"), member: mail("2")}), tmp_path, r"escaped\.eml' leads out of")


def test_windows_names_lead_nowhere_either(tmp_path: Path) -> None:
    refused(packed(tmp_path / "m.zip", {"..\\escaped.eml": mail("1")}), tmp_path, "leads out of")


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=lambda kind: kind.decode(),
)
def test_links_and_devices_of_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    def change(entry: tarfile.TarInfo) -> None:
        entry.type, entry.linkname = kind, "/etc/passwd"

    refused(tar_of(tmp_path / "m.tar", change), tmp_path, r"'spam/odd\.eml' is neither a file nor a folder")


def test_links_of_a_zip_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("spam/odd.eml")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    refused(tmp_path / "m.zip", tmp_path, r"'spam/odd\.eml' is neither a file nor a folder")


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_cannot_be_bounded_is_refused(tmp_path: Path, packing: int) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w", packing) as archive:
        archive.writestr("1.eml", mail("1"))
    refused(tmp_path / "m.zip", tmp_path, r"'1\.eml' is not packed with deflate")


@pytest.mark.parametrize("name", PACKED)
def test_a_bomb_is_stopped_where_it_goes_off(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / name, {"1.eml": mail("1"), "bomb.eml": b"0" * 5_000_000})
    monkeypatch.setattr(archives, "SLACK_BYTES", 1_000_000)
    monkeypatch.setattr(archives, "MAX_BYTES", 3_000_000)
    refused(path, tmp_path, r"'bomb\.eml' unpacks to more")
    assert max(found.stat().st_size for found in (tmp_path / "landing").rglob("bomb.eml")) < 4_000_000


@pytest.mark.parametrize("name", PACKED)
def test_too_many_members_are_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    path = packed(tmp_path / name, {f"{number}.eml": mail(str(number)) for number in range(4)})
    refused(path, tmp_path, r"'3\.eml' is one more than 3 members")


def test_a_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.tar", {"../\x1b[2J\udcfc.eml": b""})
    refused(path, tmp_path, r"'\.\./\\x1b\[2J\ufffd\.eml' leads out of")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    refused(packed(tmp_path / "m.tar", {"spam/1.eml": b"a", "./spam/1.eml": b"b"}), tmp_path, "is there twice")


def test_a_header_that_claims_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("pax")
    entry.type, entry.size = tarfile.XHDTYPE, 7 << 30
    (tmp_path / "m.tar").write_bytes(entry.tobuf() + b"\0" * 1024)
    refused(tmp_path / "m.tar", tmp_path, "a header is larger")


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_an_archive_that_is_cut_off_is_refused_whole(tmp_path: Path, name: str, share: float) -> None:
    path = packed(tmp_path / name, {f"{number}.eml": bytes(range(256)) * 50 for number in range(20)})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share) // 512 * 512])
    refused(path, tmp_path, "cannot be unpacked")


def test_a_tar_with_a_damaged_header_or_no_end_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.tar", {"1.eml": mail("1"), "2.eml": mail("2")})
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:2048])
    refused(path, tmp_path, "breaks off before its end mark")
    content[1024] ^= 1
    path.write_bytes(content)
    refused(path, tmp_path, "breaks off before its end mark")


@pytest.mark.parametrize("name", ["m.zip", "m.tgz"])
def test_a_flipped_byte_is_found(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / name, {"1.eml": mail("some words that do not repeat themselves, 0123456789")})
    content = bytearray(path.read_bytes())
    content[60] ^= 0x40
    path.write_bytes(content)
    refused(path, tmp_path, "cannot be unpacked")


@given(
    name=st.sampled_from(["m.zip", "m.tar", "m.tgz"]), noise=st.dictionaries(st.floats(0, 1), st.integers(0, 255), max_size=6)
)
def test_whatever_the_damage_it_reads_or_is_one_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, noise: dict[float, int]
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = packed(folder / name, {f"c/{number}.eml": mail(str(number)) * 20 for number in range(3)})
    content = bytearray(path.read_bytes())
    for place, byte in noise.items():
        content[min(int(place * len(content)), len(content) - 1)] = byte
    path.write_bytes(content)
    try:
        read = archives.open_archive(path, folder / "unpacked")
    except DataError as error:
        assert name in error.message
    else:
        assert folder / "unpacked" in read.parents


def test_what_is_no_archive_or_asks_for_a_password_is_said(tmp_path: Path) -> None:
    for name in PACKED:
        (tmp_path / name).write_bytes(b"no archive")
        refused(tmp_path / name, tmp_path, "cannot be unpacked")
    (tmp_path / "m.tgz").write_bytes(gzip.compress(b"no tar"))
    refused(tmp_path / "m.tgz", tmp_path, "cannot be unpacked")
    content = bytearray(packed(tmp_path / "m.zip", {"1.eml": mail("1")}).read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    content[6] |= 1
    (tmp_path / "m.zip").write_bytes(content)
    refused(tmp_path / "m.zip", tmp_path, "encrypted")


@pytest.mark.parametrize("others", [{"b.csv": TABLE}, {"spam/1.eml": mail("1")}, {"box.mbox": MBOX}])
def test_a_table_beside_other_mail_is_ambiguous(tmp_path: Path, others: dict[str, bytes]) -> None:
    refused(packed(tmp_path / "m.zip", {"a.csv": TABLE, **others}), tmp_path, rf"holds a\.csv and {next(iter(others))}")


def test_an_archive_without_mail_says_so(tmp_path: Path) -> None:
    refused(packed(tmp_path / "m.zip", {"logo.png": b"png"}), tmp_path, "holds no e-mail")
    refused(packed(tmp_path / "m.tar", {}), tmp_path, "holds no e-mail")
