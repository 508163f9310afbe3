"""Pretrained language models: where one lies, and whether a family can be taught with it. Their weights are read elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.common.errors import ModelError, ModelNotFound
from libs.common.features.prompts import Form
from libs.common.features.tokens import TOKENIZER

# Weights in any other format run code when they are read; the rest are what the kinds of tokenizer are made of.
_WANTED = ("*.json", "*.safetensors", "*.model", "*.txt")


@dataclass(frozen=True)
class Pretrained:
    """A language model: how others find it, its folder and its tokenizer.json here, and the token that ends a text."""

    name: str
    folder: Path
    tokenizer: Path
    eos: int


def find_pretrained(name: str, form: Form, longest: int, workspace: Path) -> Pretrained:
    """A local folder or a name on Hugging Face, by ``HF_HOME`` or downloaded; ModelError where ``form`` cannot use it.

    ``longest`` is the number of tokens that it must be able to read at once. A tokenizer.json is made in ``workspace``
    where the model has only the older files.
    """
    from transformers import AutoConfig

    folder = _folder(name)
    try:
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"'{name}': its config.json cannot be read ({error})", "give the folder of a language model"
        ) from error
    _require_form(name, config, form)
    places = getattr(config, "max_position_embeddings", None)
    if isinstance(places, int) and longest > places:
        raise ModelError(
            f"'{name}' reads {places} tokens at most, it would be given {longest}", "lower max_tokens or max_new_tokens"
        )
    ends = config.eos_token_id
    if ends is None:
        raise ModelError(f"'{name}' names no token that ends a text", "set eos_token_id in its config.json")
    return Pretrained(name, folder, _tokenizer(name, folder, workspace), ends[0] if isinstance(ends, list) else ends)


def _folder(name: str) -> Path:
    from huggingface_hub import snapshot_download

    folder = Path(name)
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(name, allow_patterns=list(_WANTED)))
    except (OSError, ValueError) as error:
        raise ModelNotFound(
            f"the language model '{name}' is no folder, and is not to be had by name: {' '.join(str(error).split())[:200]}",
            "give the folder that holds its config.json, or set HF_HOME to a cache that has the model; HF_HUB_OFFLINE=1 "
            "forbids to download it",
        ) from error


def _require_form(name: str, config: Any, form: Form) -> None:
    if bool(config.is_encoder_decoder) == form.continues:
        found = "has an encoder and a decoder" if config.is_encoder_decoder else "has no encoder"
        family = "t5" if config.is_encoder_decoder else "gpt"
        raise ModelError(f"'{name}' {found}", f"name it under training.summarizers.{family} instead")


def _tokenizer(name: str, folder: Path, workspace: Path) -> Path:
    if (folder / TOKENIZER).is_file():
        return folder / TOKENIZER
    from transformers import AutoTokenizer

    made = workspace / "tokenizer"
    try:
        AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False).save_pretrained(made)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"'{name}': its tokenizer cannot be read ({error})", f"add its {TOKENIZER} to {folder}") from error
    return made / TOKENIZER
