"""Nothing is read but what lies below a root, however it is written."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.serving.batches.roots import require_allowed, require_inside
from libs.common.desk import Forbidden, Unprocessable
from libs.common.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mail" / "in").mkdir(parents=True)
    (tmp_path / "mail" / "in" / "m.mbox").touch()
    (tmp_path / "mail-2").mkdir()
    (tmp_path / "secret").touch()
    return tmp_path / "mail"


def test_what_lies_below_a_root_is_read(root: Path) -> None:
    roots = (str(root), "s3://mail/in")
    assert require_allowed(f"{root}/in/m.mbox", roots) == f"{root}/in/m.mbox"
    assert require_allowed(f"{root}/in/../in", roots) == f"{root}/in"
    assert require_allowed("s3://mail/in/2026/m.mbox", roots) == "s3://mail/in/2026/m.mbox"
    assert require_allowed("s3://mail/in/", roots) == "s3://mail/in"


def test_what_lies_elsewhere_is_refused_in_the_same_words_whether_it_is_there_or_not(root: Path) -> None:
    (root / "link").symlink_to(root.parent)
    elsewhere = [
        f"{root}/../secret",
        f"{root}/../nothing",
        f"{root}/link/secret",
        f"{root}-2",
        "/etc/passwd",
        "/",
        "s3://mail/inbox",
        "s3://mail",
        "s3://other/in/m.mbox",
    ]
    said: set[str] = set()
    for source in elsewhere:
        with pytest.raises(Forbidden) as caught:
            require_allowed(source, (str(root), "s3://mail/in"))
        said.add(caught.value.message)
    assert len(said) == 1


@pytest.mark.parametrize(
    "source",
    [
        "m.mbox",
        "",
        "../m",
        "file:///etc/passwd",
        "http://x/y",
        "s3://",
        "s3://mail/in/../x",
        "s3://mail/in//x",
        "s3://mail/a%2e",
        "/a\0b",
    ],
)
def test_what_is_no_plain_address_is_refused(source: str) -> None:
    with pytest.raises(Unprocessable):
        require_allowed(source, ("/", "s3://mail"))


def test_links_that_lead_round_and_round_lead_nowhere(root: Path) -> None:
    (root / "a").symlink_to(root / "b")
    (root / "b").symlink_to(root / "a")
    with pytest.raises((Unprocessable, Forbidden)):
        require_allowed(f"{root}/a/m.mbox", (str(root / "in"),))


@given(st.text(max_size=40))
def test_without_a_root_nothing_is_read(source: str) -> None:
    with pytest.raises((Forbidden, Unprocessable)):
        require_allowed(source, ())
    with pytest.raises((Forbidden, Unprocessable)):
        require_allowed(f"/{source}", ())


@given(st.lists(st.sampled_from(["..", ".", "a", "", "mail", "mail-2"]), max_size=8))
def test_no_mixture_of_steps_leads_out_of_a_root(steps: list[str]) -> None:
    source = "/".join(("/srv/mail", *steps))
    try:
        allowed = require_allowed(source, ("/srv/mail",))
    except Forbidden:
        return
    assert Path(allowed) == Path("/srv/mail") or Path("/srv/mail") in Path(allowed).parents


def test_a_link_in_a_folder_may_lead_only_to_what_may_be_read(root: Path) -> None:
    (root / "in" / "alias.mbox").symlink_to(root / "in" / "m.mbox")
    require_inside(str(root), (str(root),))
    (root / "in" / "leak.eml").symlink_to(root.parent / "secret")
    with pytest.raises(DataError, match=r"leak\.eml is a link that leads out"):
        require_inside(str(root), (str(root),))
    require_inside(str(root), (str(root.parent),))
