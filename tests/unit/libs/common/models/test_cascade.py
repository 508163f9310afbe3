from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from libs.common.domain.triage import Email
from libs.common.errors import ModelError
from libs.common.models.base import Probabilities
from libs.common.models.cascade import CascadeClassifier, Escalation, blend

LABELS = ("a", "b")
SURE, UNSURE, SPLIT = (Email("", "", subject, "") for subject in ("0.1", "0.45", "0.5"))


@dataclass(frozen=True)
class Says:
    """The probability of b is the subject, or the same for every e-mail; remembers what it was asked."""

    always: float | None = None
    labels: tuple[str, ...] = LABELS
    asked: list[int] = field(default_factory=list)
    family = "says"
    batch_size = 32
    holds_interpreter = False

    @property
    def options(self) -> dict[str, object]:
        return {"always": self.always}

    def predict(self, emails: Sequence[Email]) -> Probabilities:
        self.asked.append(len(emails))
        second = [float(email.subject) if self.always is None else self.always for email in emails]
        return np.array([[1 - one, one] for one in second]).reshape(-1, 2)

    def save(self, folder: Path) -> None:
        (folder / "says.txt").write_text(str(self.always))


def cascade(threshold: float, weight: float = 0.75, heavy: float = 0.9) -> CascadeClassifier:
    return CascadeClassifier(Says(), Says(heavy), Escalation(threshold, weight, 0.1, 0.99))  # pyright: ignore[reportArgumentType]


def test_only_what_the_light_classifier_is_not_sure_of_goes_on() -> None:
    both = cascade(0.6)
    answers = both.predict([SURE, UNSURE, SURE, SPLIT])
    assert both.escalated([SURE, UNSURE, SURE, SPLIT]).tolist() == [False, True, False, True]
    assert both.heavy.asked == [2]  # pyright: ignore[reportAttributeAccessIssue]
    assert answers[:, 1] == pytest.approx([0.1, 0.25 * 0.45 + 0.75 * 0.9, 0.1, 0.25 * 0.5 + 0.75 * 0.9])
    assert answers.sum(axis=1) == pytest.approx(np.ones(4))


def test_where_all_are_sure_the_heavy_classifier_is_never_asked() -> None:
    both = cascade(0.6)
    assert both.predict([SURE] * 3).argmax(axis=1).tolist() == [0, 0, 0]
    assert both.predict([]).shape == (0, 2)
    assert both.heavy.asked == []  # pyright: ignore[reportAttributeAccessIssue]


def test_at_the_threshold_the_light_classifier_answers_alone() -> None:
    assert cascade(0.55).escalated([UNSURE]).tolist() == [False]
    assert cascade(np.nextafter(0.55, 1)).escalated([UNSURE]).tolist() == [True]


def test_an_e_mail_gets_the_same_answer_in_any_batch() -> None:
    both, mails = cascade(0.6), [SURE, UNSURE, SPLIT, UNSURE, SURE]
    alone = np.concatenate([both.predict([mail]) for mail in mails])
    assert (both.predict(mails) == alone).all()
    assert (both.predict(mails[::-1]) == alone[::-1]).all()


@pytest.mark.parametrize(("weight", "second"), [(0.0, 0.3), (0.5, 0.6), (1.0, 0.9)])
def test_the_weight_is_that_of_the_heavy_answer(weight: float, second: float) -> None:
    assert blend(np.array([[0.7, 0.3]]), np.array([[0.1, 0.9]]), weight)[0] == pytest.approx([1 - second, second])


def test_each_part_is_saved_in_a_folder_of_its_own_and_its_options_apart(tmp_path: Path) -> None:
    both = cascade(0.6)
    both.save(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*.txt"))] == [
        "heavy/says.txt",
        "light/says.txt",
    ]
    assert both.options == {
        "threshold": 0.6,
        "weight": 0.75,
        "share": 0.1,
        "agreement": 0.99,
        "light": {"always": None},
        "heavy": {"always": 0.9},
    }
    assert both.threshold == 0.6


def test_parts_of_different_labels_are_refused() -> None:
    with pytest.raises(ModelError, match="the light classifier knows a, b, the heavy one a, c"):
        replace(cascade(0.6), heavy=Says(labels=("a", "c")))  # pyright: ignore[reportArgumentType]
