"""What a language model reads of an e-mail, and what it is to write: the same tokens in training and in serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from libs.common.features.tokens import Tokens, encode, read_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Form:
    """How a family is asked for the line: the words around the text, and whether the line goes on where they end."""

    before: str
    after: str
    continues: bool


# What T5 was pretrained to answer (Raffel et al. 2020), and what made GPT-2 summarize untaught (Radford et al. 2019).
T5 = Form("summarize: ", "", continues=False)
GPT = Form("", " TL;DR:", continues=True)


@dataclass(frozen=True)
class Prompts:
    """Texts to prompts of at most ``max_tokens``, lines to tokens and back; ``eos`` is the token that ends a line."""

    tokenizer: Path
    form: Form
    max_tokens: int
    eos: int

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """The prompt of each text; where it is too long, the text is cut and the words around it stay."""
        room = self.max_tokens - len(self._after)
        return [[*tokens, *self._after] for tokens in encode(self._cutting, [self.form.before + text for text in texts], room)]

    def write(self, line: str, max_tokens: int) -> Tokens:
        """The tokens that the model is to write, at most ``max_tokens`` with the one that ends it."""
        words = self._words(f" {line}" if self.form.continues else line)
        return [*words[: max_tokens - 1], self.eos]

    def line(self, written: Sequence[int]) -> str:
        """What was written up to its end, as one line."""
        said = list(written)
        ended = said[: said.index(self.eos)] if self.eos in said else said
        return " ".join(self._cutting.decode(ended).split())

    def _words(self, text: str) -> Tokens:
        return self._whole.encode(text, add_special_tokens=False).ids

    @cached_property
    def _after(self) -> Tokens:
        return self._words(self.form.after)

    @cached_property
    def _cutting(self) -> "Tokenizer":
        return read_tokenizer(self.tokenizer, self.max_tokens - len(self._after))

    @cached_property
    def _whole(self) -> "Tokenizer":
        tokenizer = read_tokenizer(self.tokenizer, self.max_tokens)
        tokenizer.no_truncation()
        return tokenizer
