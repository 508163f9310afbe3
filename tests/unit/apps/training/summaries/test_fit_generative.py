from pathlib import Path

import pytest

from apps.training.summaries.examples import SummaryExamples
from apps.training.summaries.fit_generative import write_lesson
from libs.common.domain.triage import Email
from libs.common.errors import DataError
from libs.common.features.prompts import Prompts
from libs.common.models.generative import T5Summarizer
from tests.unit.apps.training.summaries.small_models import options, small_model

BLANK = Email(message_id="<b@example.org>", sender="", subject="", body=" \n ")
LUNCH = Email(message_id="<l@example.org>", sender="", subject="", body="Lunch at noon?\n\n> earlier words\n")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("base"), "t5")


def test_a_lesson_teaches_the_first_line_of_each_mail_that_says_something(base: Path, tmp_path: Path) -> None:
    told = SummaryExamples((BLANK, LUNCH), (("Nothing",), ("Lunch", "Noon")))
    lesson = write_lesson(T5Summarizer, told, options(base), 0, tmp_path)
    prompts = Prompts(lesson.base.tokenizer, lesson.form, 48, lesson.base.eos)
    assert [tokens.tolist() for tokens in lesson.prompts] == prompts.read(["Lunch at noon?"])
    assert [prompts.line(tokens.tolist()) for tokens in lesson.lines] == ["Lunch"]


def test_mails_that_all_say_nothing_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the 1 e-mails says anything"):
        write_lesson(T5Summarizer, SummaryExamples((BLANK,), (("Nothing",),)), options(base), 0, tmp_path)
