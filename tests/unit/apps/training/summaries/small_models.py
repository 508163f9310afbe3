"""Language models small enough to be taught in seconds, and mails to teach them; nothing here was pretrained."""

import json
from pathlib import Path

from apps.training.summaries.examples import SummaryExamples
from libs.common.config.training import GenerativeFamily
from libs.common.domain.triage import Email
from libs.common.models.generative import GenerativeSummarizer, GptSummarizer, T5Summarizer

KINDS: dict[str, type[GenerativeSummarizer]] = {"t5": T5Summarizer, "gpt": GptSummarizer}
PAD, EOS = "<pad>", "</s>"
# body → line
MAILS = {
    "The budget meeting moves to Tuesday at ten, in the small room.": "Budget meeting moves",
    "Your invoice of March is still unpaid.": "Unpaid invoice",
    "Could you send me the slides of yesterday's talk? I was late and missed the first half of it.": "Slides wanted",
    "The server goes down tonight for an hour.": "Server down tonight",
    "Anne has left the team, and Bert takes over her clients from the first of May on.": "Bert takes over",
    "Lunch at noon?": "Lunch at noon",
    "We won the contract with the harbour, and thank all who stayed so long.": "Contract won",
    "Please change your password before Friday, the old one no longer opens the door.": "Change your password",
}


def examples() -> SummaryExamples:
    """The mails, each with its one line."""
    emails = tuple(
        Email(message_id=f"<{place}@example.org>", sender="", subject="", body=body) for place, body in enumerate(MAILS)
    )
    return SummaryExamples(emails, tuple((line,) for line in MAILS.values()))


def options(model: Path, **changed: object) -> GenerativeFamily:
    """How a small model is taught; ``model`` is its folder."""
    usual: dict[str, object] = {
        "model": str(model),
        "max_tokens": 48,
        "max_new_tokens": 12,
        "max_emails": 100,
        "epochs": 32,
        "batch_size": 8,
        "accumulation": 1,
        "learning_rate": 0.015,
        "lora_rank": 8,
        "lora_alpha": 16,
        "workers": 1,
        "threads_per_worker": 1,
        "use_gpu": False,
        "niceness": 0,
    }
    return GenerativeFamily.model_validate({**usual, **changed})


def small_model(folder: Path, family: str) -> Path:
    """Write a model as Hugging Face has it into ``folder``: config.json, model.safetensors and tokenizer.json."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, T5Config, T5ForConditionalGeneration

    # Two threads would wait for each other longer than they compute.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    words = _write_tokenizer(folder, ends=family == "t5")
    if family == "t5":
        sizes = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
        config = T5Config(vocab_size=words, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, **sizes)
        T5ForConditionalGeneration(config).save_pretrained(folder)
    else:
        sizes = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
        # With the usual 0.02 the words lie so close together that no adapter can tell them apart.
        ends = {"bos_token_id": 1, "eos_token_id": 1}
        GPT2LMHeadModel(GPT2Config(vocab_size=words, initializer_range=0.3, **ends, **sizes)).save_pretrained(folder)
    return folder


def split_tokenizer(folder: Path) -> None:
    """Turn tokenizer.json into the two files of which GPT-2's is made of old."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in model["merges"]) + "\n")
    (folder / "tokenizer.json").unlink()


def _write_tokenizer(folder: Path, ends: bool) -> int:
    """Byte-level BPE, as GPT-2's; T5's puts the end behind what it reads."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[PAD, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*MAILS, *MAILS.values(), "summarize: TL;DR:"], trainer)
    if ends:
        tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {EOS}", special_tokens=[(EOS, 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer.get_vocab_size()
