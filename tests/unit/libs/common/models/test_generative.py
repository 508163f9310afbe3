from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.training.summaries.adapters import hand_in
from apps.training.summaries.fit_generative import write_lesson
from apps.training.summaries.tuning import begin, run_epoch
from libs.common.domain.triage import Email
from libs.common.errors import ModelCorrupt
from libs.common.models.artifact import load_summarizer, write_artifact
from libs.common.models.extractive import told
from libs.common.models.generative import ADAPTER, GenerativeSummarizer, read_model, write_lines
from tests.unit.apps.training.summaries.small_models import KINDS, examples, options, small_model

EXAMPLES = examples()
LINES = [lines[0] for lines in EXAMPLES.references]
TEXTS = [told(email) for email in EXAMPLES.emails]


@dataclass(frozen=True)
class Taught:
    """A summarizer, the model it was taught from, and what it said before its adapter was merged."""

    summarizer: GenerativeSummarizer
    base: Path
    before: list[str]


@pytest.fixture(scope="module", params=["t5", "gpt"])
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Taught:
    kind = KINDS[request.param]
    base = small_model(tmp_path_factory.mktemp("base"), request.param)
    chosen = options(base)
    lesson = write_lesson(kind, EXAMPLES, chosen, 0, tmp_path_factory.mktemp("workspace"))
    tuning = begin(lesson)
    for _ in range(chosen.epochs):
        run_epoch(tuning, lesson)
    files = tmp_path_factory.mktemp("files")
    summarizer = kind(files, chosen.max_tokens, chosen.max_new_tokens, lesson.base.eos)
    adapted = tuning.adapted
    reading = kind(base, chosen.max_tokens, chosen.max_new_tokens, lesson.base.eos).prompts
    before = write_lines(adapted, reading, TEXTS, chosen.max_new_tokens)
    hand_in(adapted, lesson.base, files)
    return Taught(summarizer, base, before)


def test_it_writes_what_it_was_taught(taught: Taught) -> None:
    assert taught.before == LINES


def test_it_says_the_same_before_and_after_merging(taught: Taught) -> None:
    assert [summary.text for summary in taught.summarizer.summarize(EXAMPLES.emails)] == taught.before


def test_the_saved_adapter_makes_of_the_base_what_was_merged(taught: Taught) -> None:
    from peft import PeftModel

    summarizer = taught.summarizer
    adapted = PeftModel.from_pretrained(read_model(taught.base, summarizer.form), summarizer.files / ADAPTER)
    assert write_lines(adapted, summarizer.prompts, TEXTS, summarizer.max_new_tokens) == taught.before


def test_an_artifact_is_read_back_and_says_the_same(taught: Taught, tmp_path: Path) -> None:
    digest = write_artifact(tmp_path / "model", taught.summarizer, {})
    loaded = load_summarizer(tmp_path / "model", digest)
    assert loaded.family == taught.summarizer.family
    assert loaded.options == taught.summarizer.options
    assert write_artifact(tmp_path / "again", loaded, {}) == digest
    assert [summary.text for summary in loaded.summarize(EXAMPLES.emails)] == taught.before


def test_a_line_does_not_depend_on_the_mails_beside_it(taught: Taught) -> None:
    summarize = taught.summarizer.summarize
    strange = ["ok", "One more thing: the door. " * 40, "", "zzz qqq 12 € ü", "Lunch at ten, or at noon? Bert is late."]
    emails = [*EXAMPLES.emails, *(Email(message_id="", sender="", subject="", body=body) for body in strange)]
    alone = [summarize([email])[0] for email in emails]
    assert summarize(emails) == alone
    assert summarize(emails[::-1]) == alone[::-1]


STRANGE = {
    "nothing": "",
    "blank": " \n\t ",
    "half characters": "\x00\ud800" * 9,
    "faces": "😀" * 50,
    "tokens": "</s><pad>",
    "long": "word " * 100_000,
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_any_text_gets_one_line(taught: Taught, text: str) -> None:
    (summary,) = taught.summarizer.summarize([Email(message_id="", sender="", subject="", body=text)])
    assert summary.text == " ".join(summary.text.split())
    assert text.strip() or not summary.text
    assert taught.summarizer.summarize([]) == []


def test_nothing_that_runs_code_is_loaded(taught: Taught, tmp_path: Path) -> None:
    import torch

    summarizer = taught.summarizer
    summarizer.save(tmp_path)
    torch.save(summarizer.model.state_dict(), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelCorrupt, match=summarizer.family):
        summarizer.load(tmp_path, summarizer.options, threads=1)
