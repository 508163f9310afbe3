from dataclasses import replace

from apps.training.fitting.examples import Examples, set_aside
from apps.training.fitting.fit_transformer import split_lesson
from tests.unit.apps.training.mails import mailbox

SEED = 3


def _ids(examples: Examples) -> set[str]:
    return {email.message_id for email in examples.emails}


def test_what_judges_checkpoints_is_neither_learned_nor_asked_for_the_answers_out_of_fold() -> None:
    mails = mailbox(3000)
    learn, aside = set_aside(mails, SEED)
    taught, judged = split_lesson(mails.take(learn), 1000, SEED)
    assert _ids(taught).isdisjoint(_ids(judged))
    assert _ids(mails.take(aside)).isdisjoint(_ids(taught) | _ids(judged))
    assert set(judged.folds) == {1}
    assert set(taught.folds) == {1, 2, 3, 4}
    assert len(judged) <= 0.1 * 1000
    assert len(taught) <= 1000
    assert taught.classes == judged.classes == mails.classes


def test_nothing_is_judged_where_a_label_would_not_be_learned() -> None:
    mails = mailbox(90)
    lonely = replace(mails, folds=tuple(1 if label == "spam" else 2 for label in mails.labels))
    taught, judged = split_lesson(lonely, 1000, SEED)
    assert (len(taught), len(judged)) == (90, 0)
