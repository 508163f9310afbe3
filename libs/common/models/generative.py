"""Fine-tuned language models that write an e-mail's line: T5 writes it apart, GPT goes on where the text ends.

The folder holds the merged model; the adapter it was merged from lies in ``adapter/`` and is not needed to predict.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from pydantic import JsonValue

from libs.common.domain.triage import Email, Summary
from libs.common.errors import ModelCorrupt
from libs.common.features.prompts import GPT, T5, Form, Prompts
from libs.common.features.tokens import TOKENIZER, Tokens, length_batches, pad, pad_left
from libs.common.models.extractive import told

# Beside the merged model itself, transformers would add it a second time.
ADAPTER = "adapter"
# A large model's weights are cut into several files, and an index of them.
_FILES = ("model*.safetensors*", "config.json", "generation_config.json", TOKENIZER, f"{ADAPTER}/adapter_*")
# Lines of one batch wait for its longest.
BATCH = 8


@dataclass(frozen=True)
class GenerativeSummarizer:
    """Writes greedily: the likeliest token each time, so that the same mail always gets the same line."""

    family: ClassVar[str]
    form: ClassVar[Form]

    files: Path
    max_tokens: int
    max_new_tokens: int
    eos: int
    threads: int = 1

    @property
    def options(self) -> dict[str, JsonValue]:
        """The lengths to which mails and lines are cut, and the token that ends a line."""
        return {"max_tokens": self.max_tokens, "max_new_tokens": self.max_new_tokens, "eos": self.eos}

    @property
    def batch_size(self) -> int:
        """A step of writing costs a batch hardly more than one line, and ends with the longest of them."""
        return BATCH

    def summarize(self, emails: Sequence[Email]) -> list[Summary]:
        """One line an e-mail; empty where the e-mail is, or where the model ends the line at once."""
        texts = [told(email) for email in emails]
        said = [row for row, text in enumerate(texts) if text]
        lines = write_lines(self.model, self.prompts, [texts[row] for row in said], self.max_new_tokens)
        written = dict(zip(said, lines, strict=True))
        return [Summary(written.get(row, "")) for row in range(len(texts))]

    def save(self, folder: Path) -> None:
        """Copy the merged model, its tokenizer and its adapter."""
        for path in sorted(path for pattern in _FILES for path in self.files.glob(pattern)):
            copy = folder / path.relative_to(self.files)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, copy)

    @cached_property
    def prompts(self) -> Prompts:
        """What it reads and writes."""
        return Prompts(self.files / TOKENIZER, self.form, self.max_tokens, self.eos)

    @cached_property
    def model(self) -> Any:
        """The merged model; asking loads it, and sets how many threads torch computes with in this process."""
        import torch

        torch.set_num_threads(self.threads)
        try:
            return read_model(self.files, self.form)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelCorrupt(f"{self.files}: holds no {self.family} model ({error})", "train the model again") from error

    @classmethod
    def load(cls, folder: Path, options: dict[str, JsonValue], threads: int) -> Self:
        """Read what ``save`` wrote, ready to write with ``threads`` threads; ModelCorrupt where it is no model."""
        reads, writes, eos = (int(cast("int", options[name])) for name in ("max_tokens", "max_new_tokens", "eos"))
        loaded = cls(folder, reads, writes, eos, threads)
        _ = loaded.model
        return loaded


class T5Summarizer(GenerativeSummarizer):
    """An encoder and a decoder: reads the mail whole, then writes."""

    family: ClassVar[str] = "t5"
    form: ClassVar[Form] = T5


class GptSummarizer(GenerativeSummarizer):
    """A decoder alone: reads the mail and goes on writing."""

    family: ClassVar[str] = "gpt"
    form: ClassVar[Form] = GPT


load_t5, load_gpt = T5Summarizer.load, GptSummarizer.load


def read_model(folder: Path, form: Form) -> Any:
    """The language model in ``folder``, in fp32 and ready to predict: safetensors only, and none of the folder's own code."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    kind: Any = AutoModelForCausalLM if form.continues else AutoModelForSeq2SeqLM
    model = kind.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
    )
    return model.eval()


def write_lines(model: Any, prompts: Prompts, texts: Sequence[str], max_new_tokens: int) -> list[str]:
    """The line that ``model`` writes for each text; batches hold texts of like length, and padding is masked."""
    read = prompts.read(texts)
    lines = [""] * len(texts)
    for rows in length_batches([len(tokens) for tokens in read], BATCH):
        written = _generate(model, prompts, [read[row] for row in rows], max_new_tokens)
        for row, tokens in zip(rows, written, strict=True):
            lines[row] = prompts.line(tokens)
    return lines


def _generate(model: Any, prompts: Prompts, batch: Sequence[Tokens], max_new_tokens: int) -> list[Tokens]:
    import torch

    continues = prompts.form.continues
    ids, mask = (torch.from_numpy(part).to(model.device) for part in (pad_left if continues else pad)(batch))
    with torch.inference_mode():
        written = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            eos_token_id=prompts.eos,
            pad_token_id=prompts.eos,
        )
    # A decoder repeats what it read; one that writes apart begins with the token that starts it.
    return written[:, ids.shape[1] if continues else 1 :].tolist()
