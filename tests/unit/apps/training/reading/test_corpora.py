"""Recipes: how a corpus becomes labelled e-mail, and what is said where it can't."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from apps.training.reading.corpora import (
    SHIPPED,
    Condition,
    Hidden,
    LabelRule,
    Quarantined,
    Recipe,
    label_mail,
    load_recipe,
    recipe_for,
)
from libs.common.domain.triage import LabelledEmail
from libs.common.errors import DataError
from libs.common.sources.raw_mail import RawMail

HEADERS = b"From: a@lists.example\nTo: b@x\nSubject: Re: [tag] Hello\nList-Id: <dev.example>\n\n"
RAW = HEADERS + b"text\n-- \nfooter of dev@lists.example\n"


def labelled(mail: RawMail, recipe: Recipe) -> LabelledEmail:
    found = label_mail(mail, recipe)
    assert isinstance(found, LabelledEmail)
    return found


def test_every_shipped_recipe_is_sound_and_named_as_its_file() -> None:
    shipped = {path.stem: load_recipe(path.stem) for path in SHIPPED.glob("*.yaml")}
    assert {name: recipe.name for name, recipe in shipped.items()} == {name: name for name in shipped}
    assert {"csv", "spamassassin"} <= set(shipped)


def test_a_recipe_is_found_by_name_by_path_and_by_the_file_it_applies_to(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("name: own\ncolumns: {label: Queue}\n")
    assert recipe_for("anything.csv", str(own)).column("label") == "Queue"
    assert recipe_for("/data/spamassassin-2002.parquet", None).name == "spamassassin"
    assert recipe_for("s3://corpora/spamassassin/", None).name == "spamassassin"
    assert recipe_for("mails.csv", None) == Recipe(name="plain")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x\ncolums: {}", "colums"),
        ("name: x\nhide: {body: ['[']}", "no regular expression"),
        ("name: x\nlabels: [{label: a, quarantine: b}]", "either 'label' or 'quarantine'"),
        ("name: x\nlabels: [{label: a, when: {matches: x}}]", "either 'column' or 'headers'"),
        ("name: [", "no YAML"),
    ],
)
def test_a_faulty_recipe_is_refused_with_the_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        load_recipe(str(path))


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(DataError, match="no corpus recipe 'spam'") as caught:
        load_recipe("spam")
    assert "spamassassin" in caught.value.hint


def test_rules_are_tried_in_order_on_columns_and_headers() -> None:
    recipe = Recipe(
        name="r",
        labels=(
            LabelRule(label="spam", when=Condition(column="group", matches="^SPAM")),
            LabelRule(quarantine="too small", when=Condition(headers=("List-Id",), matches="tiny")),
            LabelRule(label="list", when=Condition(headers=("X-None", "List-Id"), matches="dev")),
        ),
    )
    assert labelled(RawMail("1", columns={"raw": RAW, "group": "spam-1"}), recipe).label == "spam"
    assert labelled(RawMail("2", columns={"raw": RAW, "group": "ham"}), recipe).label == "list"
    tiny = label_mail(RawMail("3", columns={"raw": RAW.replace(b"dev", b"tiny"), "group": ""}), recipe)
    assert isinstance(tiny, Quarantined)
    assert tiny.reason == "too small"
    other = label_mail(RawMail("4", columns={"raw": RAW.replace(b"dev", b"x"), "group": ""}), recipe)
    assert isinstance(other, Quarantined)
    assert other.reason == "no label rule applies"


def test_what_gives_the_label_away_is_cut_out() -> None:
    hide = Hidden(subject=(r"\[[^\]]*\]",), body=(r"^-- \nfooter.*$",), fields=("sender", "recipients"))
    email = labelled(RawMail("1", raw=RAW, place="dev"), Recipe(name="r", hide=hide)).email
    assert (email.subject, email.body.strip(), email.sender, email.recipients) == ("Re: Hello", "text", "", ())
    assert email.thread_id == "subject:hello"


def test_columns_are_mapped_and_read_as_text() -> None:
    recipe = Recipe(name="r", columns={"subject": "Title", "label": "Queue", "sent_at": "When", "is_html": "Html"})
    row = {
        "Title": "Hi",
        "body": "b",
        "Queue": 7,
        "When": "2025-01-02T03:04:05",
        "Html": True,
        "recipients": "A@x, b@y",
        "sender": None,
    }
    found = labelled(RawMail("f.csv#3", columns=row), recipe)
    assert (found.label, found.source, found.email.is_html) == ("7", "f.csv#3", True)
    assert found.email.sent_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.email.recipients == ("a@x", "b@y")
    again = labelled(RawMail("other.csv#9", columns=row), recipe)
    assert found.email.message_id == again.email.message_id


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"subject": "x", "label": None}, "no label"),
        ({"label": "a"}, "neither subject nor body"),
        ({"raw": b" ", "label": "a"}, "empty"),
    ],
)
def test_a_row_that_cannot_be_used_is_quarantined_with_the_reason(row: dict[str, object], reason: str) -> None:
    found = label_mail(RawMail("1", columns=row), Recipe(name="plain"))
    assert isinstance(found, Quarantined)
    assert reason in found.reason
