from pathlib import Path

import pytest

from libs.common.features.prompts import GPT, T5, Prompts
from libs.common.features.tokens import read_tokenizer

EOS = 1


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token a byte, and as T5's one that ends what is read."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = {sign: number for number, sign in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()), 2)}
    made = Tokenizer(models.BPE(vocab={"<pad>": 0, "</s>": EOS, **letters}, merges=[]))
    made.add_special_tokens(["<pad>", "</s>"])
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", EOS)])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(path))
    return path


def said(tokenizer: Path, tokens: list[int]) -> str:
    return read_tokenizer(tokenizer, 10**6).decode(tokens, skip_special_tokens=False)


def test_t5_is_asked_before_the_text_and_gpt_behind_it(tokenizer: Path) -> None:
    (t5,) = Prompts(tokenizer, T5, 64, EOS).read(["Lunch?"])
    (gpt,) = Prompts(tokenizer, GPT, 64, EOS).read(["Lunch?"])
    assert said(tokenizer, t5) == "summarize: Lunch?</s>"
    assert said(tokenizer, gpt).endswith(" TL;DR:")


def test_a_long_text_is_cut_and_the_words_around_it_stay(tokenizer: Path) -> None:
    (t5,) = Prompts(tokenizer, T5, 32, EOS).read(["x" * 1000])
    (gpt,) = Prompts(tokenizer, GPT, 32, EOS).read(["x" * 1000])
    assert len(t5) == len(gpt) == 32
    assert said(tokenizer, t5) == "summarize: " + "x" * 20 + "</s>"
    assert said(tokenizer, gpt).endswith(" TL;DR:")


@pytest.mark.parametrize("form", [T5, GPT])
def test_a_line_ends_and_is_read_back(tokenizer: Path, form: object) -> None:
    prompts = Prompts(tokenizer, form, 64, EOS)  # pyright: ignore[reportArgumentType]
    written = prompts.write("Lunch at noon", 40)
    assert written[-1] == EOS
    assert EOS not in written[:-1]
    assert prompts.line([*written, 5, 6]) == "Lunch at noon"


def test_a_long_line_is_cut_before_its_end(tokenizer: Path) -> None:
    written = Prompts(tokenizer, T5, 64, EOS).write("Lunch at noon", 6)
    assert said(tokenizer, written) == "Lunch</s>"


def test_what_is_written_becomes_one_line_without_special_tokens(tokenizer: Path) -> None:
    prompts = Prompts(tokenizer, T5, 64, EOS)
    words = read_tokenizer(tokenizer, 64).encode(" Lunch\n\n at  noon ", add_special_tokens=False).ids
    assert prompts.line([0, *words]) == "Lunch at noon"
    assert prompts.line([]) == ""
