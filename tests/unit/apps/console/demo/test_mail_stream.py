"""Mails go to a file and come back as they were, over and over."""

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from apps.console.demo.mail_stream import MailFolder
from libs.common.domain.triage import Attachment, Email, LabelledEmail
from libs.common.errors import DataError


def mail(number: int) -> LabelledEmail:
    """A mail with something in every field."""
    email = Email(
        message_id=f"<{number}@example.org>",
        sender="ann@example.org",
        subject=f"Invoice\u2028{number}",
        body="Grüße\n\n-- \nAnn",
        recipients=("bob@example.org",),
        sent_at=datetime(2025, 1, number, tzinfo=UTC),
        thread_id=f"<{number}@example.org>",
        attachments=(Attachment("a.pdf", "application/pdf", 10),),
    )
    return LabelledEmail(email, "billing", "here")


def test_mails_survive_the_file(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path / "mails")
    assert folder.write("calm", [mail(1), mail(2)]) == 2
    assert [(read.email, read.label) for read in folder.read("calm")] == [(mail(n).email, "billing") for n in (1, 2)]


def test_a_part_starts_again_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path)
    folder.write("calm", [mail(1), mail(2), mail(3)])
    first = [read.email for read in islice(folder.endless("calm"), 2)]
    then = [read.email for read in islice(folder.endless("calm"), 2)]
    assert [*first, *then] == [mail(n).email for n in (1, 2, 3, 1)]


@pytest.mark.parametrize(
    ("content", "said"), [("", "no e-mails to send"), ('{"email": {"body": "x"}}\n', "no label"), ('{"label": "x"}\n', "null")]
)
def test_a_file_that_cannot_be_sent_says_why(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "calm.jsonl").write_text(content)
    with pytest.raises(DataError, match=said):
        MailFolder(tmp_path).read("calm")
