"""LoRA adapters (Hu et al. 2021) of language models: added, written, read back, and merged into the model for serving."""

import json
import shutil
from pathlib import Path
from typing import Any, cast

from apps.training.summaries.pretrained import Pretrained
from libs.common.config.training import GenerativeFamily
from libs.common.features.tokens import TOKENIZER
from libs.common.models.generative import ADAPTER

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


def add_adapter(model: Any, options: GenerativeFamily) -> Any:
    """The model with low-rank weights, which alone learn, beside all linear layers but the one that answers.

    Beside all of them adapters learn most (Dettmers et al. 2023), and no name of a layer need be known.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers.pytorch_utils import Conv1D

    answers = model.get_output_embeddings()
    linear = {name: layer for name, layer in model.named_modules() if isinstance(layer, (torch.nn.Linear, Conv1D))}
    config = LoraConfig(
        task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        target_modules=sorted({name.rpartition(".")[2] for name, layer in linear.items() if layer is not answers}),
        # GPT-2 keeps its weights transposed.
        fan_in_fan_out=any(isinstance(layer, Conv1D) for layer in linear.values()),
    )
    return get_peft_model(model, config)


def save_adapter(model: Any, name: str, folder: Path) -> None:
    """Write the adapter, the same bytes for the same weights; ``name`` is how others find the model that it belongs to."""
    model.save_pretrained(folder, save_embedding_layers=False)
    # peft writes a card besides, the path on this machine, and sets in the order of their hashes.
    (folder / "README.md").unlink(missing_ok=True)
    written = cast("dict[str, Any]", json.loads((folder / CONFIG).read_text()))
    ordered = {key: sorted(cast("list[str]", value)) if isinstance(value, list) else value for key, value in written.items()}
    ordered["base_model_name_or_path"] = name
    (folder / CONFIG).write_text(json.dumps(ordered, indent=2, sort_keys=True) + "\n")


def load_adapter(model: Any, folder: Path) -> None:
    """Give the adapter of ``model`` the weights that `save_adapter` wrote."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    set_peft_model_state_dict(model, load_file(folder / WEIGHTS))


def hand_in(model: Any, base: Pretrained, folder: Path) -> None:
    """Write what is served into ``folder``: the model with its adapter merged in, its tokenizer, and the adapter itself.

    ``model`` has no adapter afterwards. What its maker set for sampling is left behind: lines are written greedily.
    """
    from transformers import GenerationConfig

    save_adapter(model, base.name, folder / ADAPTER)
    merged = model.merge_and_unload(safe_merge=True)
    start = merged.config.decoder_start_token_id if merged.config.is_encoder_decoder else None
    merged.generation_config = GenerationConfig(eos_token_id=base.eos, pad_token_id=base.eos, decoder_start_token_id=start)
    merged.save_pretrained(folder)
    shutil.copyfile(base.tokenizer, folder / TOKENIZER)
