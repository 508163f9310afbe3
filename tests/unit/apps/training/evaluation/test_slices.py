from dataclasses import replace

import numpy as np
import pytest

from apps.training.evaluation import flags
from apps.training.evaluation.bias import biases
from apps.training.evaluation.evaluate import Evaluation, Latency
from apps.training.evaluation.slices import OTHER, protected_groups, require_attributes, slice_figures, slice_groups
from apps.training.fitting.examples import Examples, Origin
from libs.common.domain.model import PerformanceMetrics
from libs.common.errors import ConfigError
from libs.common.stats.metrics import Interval
from tests.unit.apps.training.mails import mailbox

LABELS = ("invoice", "meeting", "spam")
TIMED = Latency(1, 1.0, 1.0)


def evaluation(truth: np.ndarray, predicted: np.ndarray) -> Evaluation:
    accuracy = float((truth == predicted).mean())
    figures = PerformanceMetrics.model_construct(accuracy=accuracy, accuracy_low=accuracy, accuracy_high=accuracy)
    return Evaluation(figures, LABELS, truth, predicted, np.eye(3)[predicted], Interval(0, 0, 1), TIMED, TIMED)


def holdout(count: int = 300) -> Examples:
    """Every tenth mail comes from a partner, in French, as an answer."""
    examples = mailbox(count)
    emails = list(examples.emails)
    for row in range(0, count, 10):
        emails[row] = replace(emails[row], sender="x@partner.example", thread_id="<first@x>")
    emails[1] = replace(emails[1], sender="x@rare.example")
    origins = tuple(
        Origin(f"row-{row}", f"box/{row}.eml" if row % 2 else f"table.csv#{row}", "" if row % 10 else "fr")
        for row in range(count)
    )
    return replace(examples, emails=tuple(emails), origins=origins)


def answers(examples: Examples, wrong: list[int]) -> Evaluation:
    truth = examples.numbers(LABELS)
    predicted = truth.copy()
    predicted[wrong] = (truth[wrong] + 1) % 3
    return evaluation(truth, predicted)


def test_rows_are_grouped_by_what_they_are_and_the_rare_are_other() -> None:
    groups = slice_groups(holdout())
    assert {name: set(found) for name, found in groups.items() if name != "email_length"} == {
        "sender_domain": {"example.org", "partner.example", OTHER},
        "language": {"fr", "unknown"},
        "source": {"box", "table.csv"},
        "thread_position": {"first", "reply"},
        "attachment": {"without"},
    }
    assert len(set(groups["email_length"])) == 3


def test_rows_of_no_dataset_are_grouped_too() -> None:
    groups = slice_groups(mailbox(60))
    assert set(groups["language"]) == set(groups["source"]) == {"unknown"}
    assert all(len(found) == 60 for found in groups.values())


def test_a_piece_where_answers_are_mostly_wrong_is_found_and_its_wrong_rows_are_named() -> None:
    examples = holdout()
    wrong = [row for row in range(0, 300, 10) if row % 30]
    seen, groups = answers(examples, wrong), slice_groups(examples)
    figures = slice_figures(seen, groups)
    assert "attachment" not in {figure.attribute for figure in figures}
    worse = {(figure.attribute, figure.group) for figure in figures if figure.worse}
    assert {("sender_domain", "partner.example"), ("language", "fr"), ("thread_position", "reply")} <= worse
    assert ("sender_domain", "example.org") not in worse
    found = list(flags.poor_slices(seen, figures, groups, examples))
    assert len(found) == len(worse)
    assert set(found[0].rows) == {f"row-{row}" for row in wrong}


def test_answers_that_are_wrong_by_chance_are_no_ones_fault() -> None:
    examples = holdout()
    scattered = np.random.default_rng(5).choice(300, 45, replace=False).tolist()
    assert not any(figure.worse for figure in slice_figures(answers(examples, scattered), slice_groups(examples)))


def test_a_group_whose_mail_of_a_class_is_missed_is_found_and_named() -> None:
    examples = holdout(900)
    wrong = [row for row in range(0, 900, 10) if examples.labels[row] == "invoice"]
    found = biases(answers(examples, wrong), protected_groups(examples, ["sender_domain"]))
    (unfair,) = flags.unfair(found, threshold=0.1)
    assert "invoice" in unfair.said and unfair.rows == ("sender_domain partner.example",)
    assert list(flags.unfair(biases(answers(examples, []), protected_groups(examples, ["sender_domain"])), 0.1)) == []


def test_a_protected_attribute_that_nothing_is_known_of_is_an_error_of_the_configuration() -> None:
    require_attributes(["sender_domain", "email_length"])
    with pytest.raises(ConfigError, match="'age', write some of sender_domain"):
        require_attributes(["age"])


def test_a_classifier_that_one_answer_beats_is_found() -> None:
    truth = np.array([0] * 80 + [1] * 20, dtype=np.int64)
    predicted = np.array([0] * 40 + [1] * 60, dtype=np.int64)
    assert [found.kind for found in flags.clueless(evaluation(truth, predicted), holdout(100))] == [flags.CLUELESS]
    assert list(flags.clueless(evaluation(truth, truth), holdout(100))) == []
