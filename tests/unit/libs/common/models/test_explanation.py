"""Linear answers are explained exactly, others by what happens without a word."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.training.fitting.fit_tabular import fit_tabular
from libs.common.config.training import TabularFamily
from libs.common.domain.triage import Attachment, Email
from libs.common.models.attribution import attribute
from libs.common.models.cascade import CascadeClassifier, Escalation
from libs.common.models.explanation import explain, margins, occlude
from libs.common.models.tabular import TabularClassifier
from tests.unit.apps.training.mails import mailbox

OPTIONS = TabularFamily(
    max_terms=500, min_documents=1, inverse_regularization=10, edge_weight=1, gram_weight=1, metadata_weight=0.1
)


@pytest.fixture(scope="module")
def tabular() -> TabularClassifier:
    return replace(fit_tabular(mailbox(), OPTIONS, seed=0).classifier, temperature=1.7)


def mail(body: str, subject: str = "", **other: Any) -> Email:
    return Email(message_id="", sender="", subject=subject, body=body, **other)


def of_mailbox() -> Sequence[Email]:
    return mailbox(12, seed=5).emails


@pytest.mark.parametrize("column", [0, 1, 2])
def test_linear_reasons_sum_up_to_the_margin(tabular: TabularClassifier, column: int) -> None:
    for email in of_mailbox():
        total = sum(reason.weight for reason in attribute(tabular, email, column))
        assert total == pytest.approx(margins(tabular.predict([email]), column)[0], abs=1e-4)


@given(subject=st.text(max_size=40), body=st.text(max_size=200))
def test_whatever_the_text(tabular: TabularClassifier, subject: str, body: str) -> None:
    email = mail(body, subject)
    total = sum(reason.weight for reason in attribute(tabular, email, 1))
    assert total == pytest.approx(margins(tabular.predict([email]), 1)[0], abs=1e-4)


def test_a_word_that_was_learned_speaks_for_its_label(tabular: TabularClassifier) -> None:
    found = explain(tabular, mail("invoice"), "invoice", reasons=20, occlusions=1)
    assert found.method == "linear"
    assert [abs(reason.weight) for reason in found.reasons] == sorted((abs(r.weight) for r in found.reasons), reverse=True)
    told = {(reason.kind, reason.name): reason.weight for reason in found.reasons}
    assert told["word", "invoice"] > 0
    assert told["characters", "invoice"] > 0
    assert told["opening", "invoice"] > 0
    assert told["closing", "invoice"] > 0


def test_only_the_strongest_reasons_are_told(tabular: TabularClassifier) -> None:
    email = of_mailbox()[0]
    every = explain(tabular, email, tabular.labels[0], reasons=10_000, occlusions=1)
    some = explain(tabular, email, tabular.labels[0], reasons=3, occlusions=1)
    assert some.reasons == every.reasons[:3]
    assert some.margin == every.margin == pytest.approx(sum(reason.weight for reason in every.reasons), abs=1e-4)


class Reader:
    """Says ``spam`` the more words of ``bad`` it reads, and where something is attached."""

    family = "reader"
    labels = ("spam", "work")
    options: dict[str, Any] = {}

    def __init__(self) -> None:
        self.asked = 0

    def predict(self, emails: Sequence[Email]) -> Any:
        self.asked += len(emails)
        scores = [0.2 + 0.2 * self._count(email) for email in emails]
        return np.array([[score, 1 - score] for score in scores])

    def _count(self, email: Email) -> int:
        words = f"{email.subject} {email.body}".lower().split()
        return sum(word in words for word in ("prize", "winner")) + bool(email.attachments)


def test_occlusion_finds_what_carries_the_label() -> None:
    email = mail("<p>Dear Winner,</p> your PRIZE is here", "Prize", is_html=True, attachments=(Attachment("a", "b", 1),))
    found = explain(Reader(), email, "spam", reasons=9, occlusions=20)
    assert found.method == "occlusion"
    assert {(reason.kind, reason.name) for reason in found.reasons} == {("word", "prize"), ("attachments", "")}
    assert all(reason.weight > 0 for reason in found.reasons)
    against = explain(Reader(), email, "work", reasons=9, occlusions=20)
    assert [reason.weight for reason in against.reasons] == pytest.approx([-reason.weight for reason in found.reasons])


def test_occlusion_reads_the_beginning_and_stays_in_its_budget() -> None:
    reader = Reader()
    margin, reasons = occlude(reader, mail(" ".join(f"word{number}" for number in range(500))), 0, occlusions=7)
    assert reader.asked == 8
    assert [reason.name for reason in reasons] == [f"word{number}" for number in range(7)]
    assert margin == pytest.approx(np.log(0.2 / 0.8))


def test_a_mail_without_words_has_no_reasons() -> None:
    assert occlude(Reader(), mail("..."), 0, occlusions=7)[1] == []


def test_a_cascade_is_explained_by_who_answered(tabular: TabularClassifier) -> None:
    email, label = of_mailbox()[0], tabular.labels[0]
    sure, unsure = (CascadeClassifier(tabular, tabular, Escalation(threshold, 0.5, 0, 1)) for threshold in (0.0, 1.1))
    assert explain(sure, email, label, 5, 5) == explain(tabular, email, label, 5, 5)
    assert explain(unsure, email, label, 5, 5).method == "occlusion"
