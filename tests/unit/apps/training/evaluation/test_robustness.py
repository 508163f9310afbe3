from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from apps.training.evaluation.robustness import SAMPLE, as_html, in_lower_case, invariance, mistyped, quoted
from libs.common.domain.triage import Email
from libs.common.features.cleaning import clean
from tests.unit.apps.training.mails import mailbox

EMAIL = Email("<1@x>", "a@b.c", "Invoice <overdue>", "Dear Anne,\n\nthe 5 % & the rest\n> are due")


class ReadsCapitals:
    """Answers by the case of the first letter of the subject."""

    labels = ("lower", "upper")

    def predict(self, emails: Sequence[Email]) -> np.ndarray:
        return np.eye(2)[[int(email.subject[:1].isupper()) for email in emails]]


def test_as_html_an_e_mail_reads_the_same() -> None:
    written, plain = clean(as_html(EMAIL)), clean(EMAIL)
    assert " ".join(written.whole.split()) == " ".join(plain.whole.split())


def test_quoted_the_text_is_all_there_and_none_of_it_is_the_senders_own() -> None:
    found = clean(quoted(EMAIL))
    assert found.text == ""
    assert "the 5 % & the rest" in found.quoted


def test_typing_errors_are_few_keep_the_letters_and_repeat() -> None:
    body = "please check the amount of every invoice that was sent this week " * 3
    wrong = mistyped(replace(EMAIL, body=body))
    assert sorted(wrong.body) == sorted(body)
    changed = [word for word, typed in zip(body.split(), wrong.body.split(), strict=True) if word != typed]
    assert 1 <= len(changed) <= 4
    assert wrong == mistyped(replace(EMAIL, body=body))


def test_the_rows_whose_label_changes_are_named_and_the_number_of_e_mails_is_bounded() -> None:
    holdout = mailbox(200)
    shouting = replace(holdout, emails=tuple(replace(email, subject=email.subject.upper()) for email in holdout.emails))
    classifier = ReadsCapitals()
    predicted = classifier.predict(shouting.emails).argmax(axis=1)
    found = {one.rewriting: one for one in invariance(classifier, shouting, predicted)}  # pyright: ignore[reportArgumentType]
    assert {one.count for one in found.values()} == {SAMPLE}
    assert found["as HTML"].changed == ()
    assert found["as HTML"].kept.high == 1
    assert len(found["all in lower case"].changed) == SAMPLE
    assert max(found["all in lower case"].changed) == 199
    assert in_lower_case(shouting.emails[0]).subject.islower()


def test_where_no_mail_is_plain_nothing_is_tried() -> None:
    holdout = mailbox(9)
    written = replace(holdout, emails=tuple(map(as_html, holdout.emails)))
    assert invariance(ReadsCapitals(), written, np.zeros(9, dtype=np.int64)) == ()  # pyright: ignore[reportArgumentType]
